// Choice without replacement: the first ones of random numbers, in their order.
#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "weft/array/random_choice.hpp"
#include "weft/array/sort.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// Up to so many are in one chunk, and in each task of a tree.
constexpr std::int64_t most_at_once = 65'536;

/// When an element comes that comes so often: never, where it has no probability.
struct arrival {
  static constexpr const char* name = "choice";
  shared<std::vector<double>> p;
  double operator()(double exponential, std::int64_t i) const {
    const std::vector<double>& all = *p;
    if (i < 0 || static_cast<std::size_t>(i) >= all.size())
      throw std::logic_error("weft: a task was asked for a probability that it has not");
    const double own = all[static_cast<std::size_t>(i)];
    if (own == 0) return std::numeric_limits<double>::infinity();
    return std::min(exponential / own, std::numeric_limits<double>::max());
  }
};

/// Where the k smallest are, in their order.
template <class T>
array_ref first_of(const array<T, 1>& keys, std::int64_t k) {
  if (k > 0 && k <= most_at_once) return argtopk(keys, -k).node();
  return argsort(keys)(slice(0, k)).node();
}

}  // namespace

array_ref chosen_once(const client& c, const weft::shape& extents, std::int64_t n, const std::vector<double>* p,
                      const random::options& how) {
  if (n < 1) throw_no_choice(n);
  const std::int64_t k = make_grid(extents, how.chunk, how.bytes, sizeof(std::int64_t)).whole().count();
  if (k > n)
    throw misuse("weft: choice of " + std::to_string(k) + " among " + std::to_string(n) +
                 " without replacement: give as many or fewer");
  const random::options keys{how.seed, how.stream, {}, how.bytes};
  array_ref found;
  if (p) {
    check_choice(n, *p);
    const std::int64_t possible = std::count_if(p->begin(), p->end(), [](double x) { return x > 0; });
    if (k > possible)
      throw misuse("weft: choice of " + std::to_string(k) + " without replacement among " + std::to_string(possible) +
                   " whose probability is above 0: give as many or fewer");
    const auto e = random::exponential<double, 1>(c, weft::shape(n), keys);
    const auto i = index_array<1>(c, e.grid(), 0);
    found = first_of(array<double, 1>(arrays::apply_to(arrival{shared<std::vector<double>>(*p)}, e, i)), k);
  } else {
    using limits = std::numeric_limits<std::int64_t>;
    found = first_of(random::integers<std::int64_t, 1>(c, weft::shape(n), limits::min(), limits::max(), keys), k);
  }
  if (extents.size() != 1) found = reshaped(std::move(found), extents);
  if (how.chunk.size() == 0) return found;
  return rechunked(std::move(found), how.chunk, how.bytes);
}

}  // namespace weft::detail::arrays
