// Items to threads, and pairs of dtypes to keys that can be compared.
#include "matching.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "../common/dense_ranks.hpp"
#include "../common/spare.hpp"
#include "../common/team.hpp"
#include "matcher.hpp"

namespace topoeval::matching {

namespace {

// A pair of arrays as one type.
class Common {
 public:
  Common(const ArrayView& p, const ArrayView& g) : p_(p), g_(g) {
    if (p.dtype != g.dtype) {
      convert(p, doubles_[0], p_);
      convert(g, doubles_[1], g_);
    } else if (meets_reserved_keys(p) || meets_reserved_keys(g)) {
      rank_together();
    }
  }
  const ArrayView& p() const { return p_; }
  const ArrayView& g() const { return g_; }

 private:
  template <class T> static void lay_out(ArrayView& view, Dtype dtype, const std::vector<T>& values) {
    view.data = reinterpret_cast<const char*>(values.data());
    view.dtype = dtype;
    view.strides[2] = sizeof(T);
    view.strides[1] = view.strides[2] * view.shape[2];
    view.strides[0] = view.strides[1] * view.shape[1];
  }

  static void convert(const ArrayView& array, std::vector<double>& values, ArrayView& out) {
    with_type(array.dtype, [&](auto sample) {
      using T = decltype(sample);
      if constexpr (std::is_same_v<T, float16> || (std::is_integral_v<T> && sizeof(T) == 8)) {
        throw std::invalid_argument(
            "p and g must have one dtype, or dtypes that float64 holds exactly (not float16, int64 "
            "or uint64)");
      } else {
        values.reserve(static_cast<std::size_t>(array.size()));
        detail::for_each_value<T>(array, [&](T value) { values.push_back(static_cast<double>(value)); });
      }
    });
    lay_out(out, Dtype::f64, values);
  }

  // The limits of a key type mean "outside".  Integers that reach them are replaced by their ranks
  // among the values of both arrays.
  void rank_together() {
    with_type(p_.dtype, [&](auto sample) {
      using T = decltype(sample);
      if constexpr (std::is_integral_v<T>) {
        std::vector<T> values;
        for (const ArrayView* view : {&p_, &g_}) {
          detail::for_each_value<T>(*view, [&](T value) { values.push_back(value); });
        }
        std::sort(values.begin(), values.end());
        values.erase(std::unique(values.begin(), values.end()), values.end());
        ArrayView* views[] = {&p_, &g_};
        for (int k = 0; k < 2; ++k) {
          detail::for_each_value<T>(*views[k], [&](T value) {
            const auto at = std::lower_bound(values.begin(), values.end(), value);
            ranks_[k].push_back(static_cast<std::int32_t>(at - values.begin()));
          });
          lay_out(*views[k], Dtype::i32, ranks_[k]);
        }
      }
    });
  }

  ArrayView p_, g_;
  std::vector<double> doubles_[2];
  std::vector<std::int32_t> ranks_[2];
};

// One thread's matchers, made when first needed.
class Worker {
 public:
  void run(const Common& pair, int rank, const Request& request, Comparison comparison,
           bool proper, bool general, Interrupt& interrupt, Matching& out) {
    voxels_ = std::max(voxels_, pair.p().size());
    const bool wide = needs_wide_keys(pair.p().dtype);
    const auto with = [&](auto& matcher, auto key) {
      using Key = decltype(key);
      using M = typename std::remove_reference_t<decltype(matcher)>::element_type;
      if (!matcher) matcher = std::make_unique<M>();
      matcher->run(Field<Key>(pair.p(), request.superlevel), Field<Key>(pair.g(), request.superlevel),
                   request, comparison, proper, general, interrupt, out);
    };
    if (rank == 2) {
      wide ? with(wide2_, std::int64_t{}) : with(narrow2_, std::int32_t{});
    } else {
      wide ? with(wide3_, std::int64_t{}) : with(narrow3_, std::int32_t{});
    }
  }

  std::int64_t voxels() const { return voxels_; }

 private:
  std::int64_t voxels_ = 0;  // of the largest item
  std::unique_ptr<Matcher<std::int32_t, 2>> narrow2_;
  std::unique_ptr<Matcher<std::int64_t, 2>> wide2_;
  std::unique_ptr<Matcher<std::int32_t, 3>> narrow3_;
  std::unique_ptr<Matcher<std::int64_t, 3>> wide3_;
};

// One for each thread.
struct Workspace {
  std::vector<Worker> workers;

  std::int64_t voxels() const {
    std::int64_t sum = 0;
    for (const Worker& worker : workers) sum += worker.voxels();
    return sum;
  }
};

Spare<Workspace> spare;

// Some 250 bytes for each.
constexpr std::int64_t kMostVoxelsKept = std::int64_t{1} << 19;

}  // namespace

std::vector<Matching> betti_matching(const Batch& p, const Batch& g, const Request& request,
                                     Comparison comparison, bool proper, int threads,
                                     Interrupt& interrupt, bool general) {
  std::vector<Matching> matchings(static_cast<std::size_t>(p.count));
  Team team(static_cast<int>(std::min<std::int64_t>(threads, p.count)), interrupt);
  std::unique_ptr<Workspace> workspace = spare.take();
  workspace->workers.resize(static_cast<std::size_t>(team.threads()));
  team.run(p.count, [&](std::int64_t item, int worker) {
    interrupt.poll();
    workspace->workers[static_cast<std::size_t>(worker)].run(
        Common(p.item(item), g.item(item)), p.rank, request, comparison, proper, general, interrupt,
        matchings[static_cast<std::size_t>(item)]);
  });
  if (workspace->voxels() <= kMostVoxelsKept) spare.leave(std::move(workspace));
  return matchings;
}

}  // namespace topoeval::matching
