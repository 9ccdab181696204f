// The theme puts each button that copies code into a landmark without a name; a page has dozens of
// them, and a screen reader would list them all. They come after the page, when they come into view.
const unmark = () => {
  for (const one of document.querySelectorAll("nav.md-code__nav:not([role])")) {
    one.setAttribute("role", "none");
  }
};
unmark();
new MutationObserver(unmark).observe(document.body, { childList: true, subtree: true });
