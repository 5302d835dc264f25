// Element types of results, and what operations do at the ends of their ranges, beside NumPy's.
#include <complex>
#include <limits>
#include <memory>
#include <tuple>

#include "array/numpy/reference.hpp"

using reference::check;

namespace {

namespace ops = weft::detail::arrays;

using numbers = std::tuple<bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t, std::uint16_t,
                           std::uint32_t, std::uint64_t, float, double>;
using all_types = decltype(std::tuple_cat(numbers(), std::tuple<std::complex<float>, std::complex<double>>()));

template <class T>
std::string name_of() {
  return weft::to_string(weft::dtype_of<T>);
}
/// f with a number of each type.
template <class List, class F>
void for_each_type(const F& f) {
  std::apply([&](auto... x) { (f(x), ...); }, List());
}

/// reference.py's samples of T.
template <class T>
auto samples() {
  const auto& words = reference::of("samples_" + name_of<T>()).elements;
  xt::xtensor<T, 1> all(std::array<std::size_t, 1>{words.size()});
  for (std::size_t i = 0; i < words.size(); ++i)
    if constexpr (std::is_floating_point_v<T>)
      all(i) = static_cast<T>(reference::number_of(words[i]));
    else if constexpr (std::is_signed_v<T>)
      all(i) = static_cast<T>(std::stoll(words[i]));
    else
      all(i) = static_cast<T>(std::stoull(words[i]));
  return all;
}

/// An operation on each of some numbers with each of others, as a kernel does it.
template <class Op, class A, class B>
void check_operation(const std::string& operation, const xt::xtensor<A, 1>& a, const xt::xtensor<B, 1>& b,
                     bool exactly = true) {
  using R = decltype(Op{}(A(), B()));
  const std::string name = operation + "_" + name_of<A>() + "_" + name_of<B>();
  CAPTURE(name);
  const std::size_t n = a.size() * b.size();
  const auto found = std::make_unique<R[]>(n);
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < b.size(); ++j) found[i * b.size() + j] = Op{}(a(i), b(j));
  reference::check_elements(name, found.get(), n, exactly);
}
template <class Op, class A>
void check_each(const std::string& operation, const xt::xtensor<A, 1>& a, bool exactly = true) {
  const std::string name = operation + "_" + name_of<A>();
  CAPTURE(name);
  const auto found = std::make_unique<decltype(Op{}(A()))[]>(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) found[i] = Op{}(a(i));
  reference::check_elements(name, found.get(), a.size(), exactly);
}

template <class A, class B>
void check_pair(const xt::xtensor<A, 1>& a, const xt::xtensor<B, 1>& b) {
  check_operation<ops::add>("add", a, b);
  if constexpr (!std::is_same_v<A, bool> || !std::is_same_v<B, bool>)
    check_operation<ops::subtract>("subtract", a, b);
  check_operation<ops::multiply>("multiply", a, b);
  check_operation<ops::divide>("divide", a, b);
  check_operation<ops::floor_divide>("floor_divide", a, b);
  check_operation<ops::remainder>("remainder", a, b);
  check_operation<ops::minimum>("minimum", a, b);
  check_operation<ops::maximum>("maximum", a, b);
  check_operation<ops::less>("less", a, b);
  check_operation<ops::equal>("equal", a, b);
  check_operation<ops::truncated_remainder>("fmod", a, b);
  check_operation<ops::next_after>("nextafter", a, b);
  check_operation<ops::add_logarithms2>("logaddexp2", a, b, false);
  if constexpr (std::is_integral_v<A> && std::is_integral_v<B> && std::is_integral_v<weft::promote_t<A, B>>) {
    check_operation<ops::shift_left>("left_shift", a, b);
    check_operation<ops::shift_right>("right_shift", a, b);
    check_operation<ops::greatest_divisor>("gcd", a, b);
    check_operation<ops::least_multiple>("lcm", a, b);
  }
}

}  // namespace

TEST_CASE("types are promoted as NumPy promotes them") {
  for_each_type<all_types>([](auto a) {
    using A = decltype(a);
    for_each_type<all_types>([](auto b) {
      using B = decltype(b);
      CHECK(name_of<weft::promote_t<A, B>>() == reference::of("promoted_" + name_of<A>() + "_" + name_of<B>()).dtype);
    });
    const auto beside = [](const char* scalar) {
      return reference::of("beside_" + name_of<A>() + "_" + scalar).dtype;
    };
    CHECK(name_of<weft::weak_t<A, bool>>() == beside("bool"));
    CHECK(name_of<weft::weak_t<A, int>>() == beside("int"));
    CHECK(name_of<weft::weak_t<A, double>>() == beside("float"));
    CHECK(name_of<weft::weak_t<A, std::complex<double>>>() == beside("complex"));
  });
}

TEST_CASE("operations on all pairs of types give NumPy's types and elements") {
  for_each_type<numbers>([](auto a) {
    const auto left = samples<decltype(a)>();
    for_each_type<numbers>([&](auto b) { check_pair(left, samples<decltype(b)>()); });
  });
}

TEST_CASE("functions of each type give NumPy's types and elements") {
  for_each_type<numbers>([](auto a) {
    const auto all = samples<decltype(a)>();
    check_each<ops::reciprocal>("reciprocal", all);
    check_each<ops::spacing>("spacing", all);
    check_each<ops::real_size>("fabs", all);
    check_each<ops::normalized_sinc>("sinc", all, false);
    check_each<ops::modified_bessel>("i0", all, false);
    check_each<ops::fraction_of>("modf_fraction", all);
    check_each<ops::whole_part_of>("modf_whole", all);
    check_each<ops::binary_fraction>("frexp_fraction", all);
    check_each<ops::binary_exponent>("frexp_exponent", all);
    check_each<ops::is_positive_infinity>("isposinf", all);
    check_each<ops::is_negative_infinity>("isneginf", all);
  });
}
