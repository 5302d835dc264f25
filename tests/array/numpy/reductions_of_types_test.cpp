// Reductions and choices of all element types, beside NumPy's.
#include <tuple>

#include "array/numpy/reference.hpp"

using reference::check;

namespace {

/// reference.py's samples of T, in two chunks; of reals those that are finite and some others that are not.
template <class T>
void check_type(arrays::place& at) {
  const std::string type = weft::to_string(weft::dtype_of<T>);
  CAPTURE(type);
  const auto& words = reference::of("samples_" + type).elements;
  xt::xtensor<T, 1> all(std::array<std::size_t, 1>{words.size()});
  for (std::size_t i = 0; i < words.size(); ++i)
    if constexpr (std::is_floating_point_v<T>)
      all(i) = static_cast<T>(reference::number_of(words[i]));
    else
      all(i) = static_cast<T>(std::is_signed_v<T> ? static_cast<std::uint64_t>(std::stoll(words[i]))
                                                  : std::stoull(words[i]));
  const weft::array<T, 1> whole = weft::from_array<T, 1>(at.client, all, {.chunk = {4}});
  const auto of = [&](const char* what) { return std::string(what) + "_of_" + type; };
  check(at, "absolute_" + type, weft::abs(whole), true);
  check(at, "square_" + type, weft::square(whole), true);
  check(at, "reciprocals_" + type, 1 / whole, true);
  if constexpr (!std::is_same_v<T, bool>) check(at, "negate_" + type, -whole, true);

  const weft::array<T, 1> x = std::is_floating_point_v<T> ? whole(weft::slice(2, 11)) : whole;
  check(at, of("sum"), weft::sum(x));
  check(at, of("prod"), weft::prod(x));
  check(at, of("min"), weft::min(x), true);
  check(at, of("max"), weft::max(x), true);
  check(at, of("mean"), weft::mean(x));
  check(at, of("var"), weft::var(x));
  check(at, of("std"), weft::std(x));
  check(at, of("any"), weft::any(x), true);
  check(at, of("all"), weft::all(x), true);
  check(at, of("argmax"), weft::argmax(x), true);
  check(at, of("cumsum"), weft::cumsum(x, 0));
  check(at, of("cumprod"), weft::cumprod(x, 0));
  check(at, of("count"), weft::count_nonzero(x), true);
  check(at, of("norm"), weft::norm(x));
  check(at, of("where"), weft::where(x, 2.0f, weft::zeros_like(weft::astype<float>(x))), true);
  check(at, of("choice"), weft::where(x > 1, x, weft::full<std::uint8_t, 1>(at.client, x.shape(), 1)), true);
  check(at, of("diff"), weft::diff(x), true);
  if constexpr (!std::is_same_v<T, bool>) check(at, of("ptp"), weft::ptp(x), true);
}

}  // namespace

TEST_CASE("reductions of all types have NumPy's types and elements") {
  arrays::place at;
  check_type<bool>(at);
  check_type<std::int8_t>(at);
  check_type<std::uint16_t>(at);
  check_type<std::int32_t>(at);
  check_type<std::uint32_t>(at);
  check_type<std::uint64_t>(at);
  check_type<float>(at);
  check_type<double>(at);
}

TEST_CASE("a condition has no part in the type of what is chosen") {
  arrays::place at;
  const auto condition = weft::arange<std::int64_t>(at.client, 3);
  const auto floats = weft::astype<float>(condition);
  static_assert(std::is_same_v<decltype(weft::where(condition, floats, 0.0f))::value_type, float>);
  static_assert(std::is_same_v<decltype(weft::where(condition, floats, 0.5))::value_type, float>);
  static_assert(std::is_same_v<decltype(weft::where(condition, 1.5, 2))::value_type, double>);
  static_assert(std::is_same_v<decltype(weft::select(condition, floats, condition, 2.0, 1))::value_type, float>);
  static_assert(std::is_same_v<decltype(weft::select(condition, 1, condition, 2, floats))::value_type, float>);
  CHECK(arrays::list_of(at(weft::select(condition > 1, floats, condition, 7, -1))) == std::vector<double>{-1, 7, 2});
  CHECK(arrays::list_of(at(weft::where(true, condition, 5))) == std::vector<double>{0, 1, 2});
}
