// Quotients, remainders and variances where they are hard, beside NumPy's.
#include <cmath>
#include <limits>

#include "array/numpy/reference.hpp"

using reference::check;

namespace {

template <class T>
void check_table(arrays::place& at) {
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const auto t = [](double x) { return static_cast<T>(x); };
  const std::vector<T> numerators{t(1),    t(6),     t(.3),     t(.7), t(-1),    t(-4),      t(4),   t(0),
                                  t(-0.0), infinity, -infinity, nan,   t(1e300), t(-1e-300), t(7.5), t(12)};
  const std::vector<T> divisors{t(.1),    t(-.1),    t(2), t(-2),     t(3),  t(0),  t(-0.0),
                                infinity, -infinity, nan,  t(1e-300), t(.3), t(-.7)};
  const auto a = weft::from_array<T>(at.client, numerators, {.chunk = {5}})(weft::slice(), weft::newaxis);
  const auto b = weft::from_array<T>(at.client, divisors, {.chunk = {4}});
  const auto whole = weft::floor_divide(a, b);
  const auto rest = a % b;
  const std::string type = weft::to_string(weft::dtype_of<T>);
  check(at, "table_floor_divide_" + type, whole, true);
  check(at, "table_remainder_" + type, rest, true);
  check(at, "table_floor_divide_signs_" + type, weft::signbit(whole) & !weft::isnan(whole), true);
  check(at, "table_remainder_signs_" + type, weft::signbit(rest) & !weft::isnan(rest), true);
}

}  // namespace

TEST_CASE("quotients towards minus infinity, and remainders, are NumPy's") {
  arrays::place at;
  check_table<double>(at);
  check_table<float>(at);
  const auto tenth = weft::floor_divide(weft::full<double, 1>(at.client, {2}, 1.0), 0.1);
  CHECK(arrays::list_of(at(tenth)) == std::vector<double>{9, 9});
}

TEST_CASE("variances of large and of few numbers are NumPy's") {
  arrays::place at;
  const reference::data d(at, {7, 6, 2});
  const auto few = d.x(weft::slice(0, 6), weft::slice(0, 5), 0);
  const auto large = weft::full<double, 2>(at.client, {6, 5}, 0x1p600, {.chunk = {2, 2}});
  for (const char* by : {"0", "1.5", "5", "6", "7", "30"}) {
    const weft::ddof less{std::strtod(by, nullptr)};
    check(at, std::string("few_var_") + by, weft::var(few, less, 0));
    check(at, std::string("few_std_") + by, weft::std(few, less, 0));
    check(at, std::string("few_nanvar_") + by, weft::nanvar(few, less, 0));
    check(at, std::string("few_nanstd_") + by, weft::nanstd(few, less, 0));
    check(at, std::string("few_equal_var_") + by, weft::var(large, less, 0));
    check(at, std::string("few_equal_nanvar_") + by, weft::nanvar(large, less, 0));
  }
  check(at, "large_var", weft::var(large));
  check(at, "large_std", weft::std(large));
  check(at, "large_nanvar", weft::nanvar(large));
  check(at, "large_nanstd", weft::nanstd(large));
  const weft::array<double, 2> infinite =
      weft::assign(weft::array<double, 2>(d.x(0)), weft::region(3, 2), std::numeric_limits<double>::infinity());
  check(at, "infinite_var", weft::var(infinite, 0));
  check(at, "infinite_nanvar", weft::nanvar(infinite, 0));
  check(at, "infinite_nanstd", weft::nanstd(infinite, 0));
}
