// What the theme leaves to be said to a screen reader and to the keyboard; its parts come after the
// page, some when they come into view.
const mend = () => {
  // Each button that copies code is in a landmark without a name, and a page has dozens of them.
  for (const one of document.querySelectorAll("nav.md-code__nav:not([role])")) {
    one.setAttribute("role", "none");
  }
  // A wide table scrolls in its frame, by keys too.
  for (const one of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])")) {
    one.tabIndex = 0;
  }
};
mend();
new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
