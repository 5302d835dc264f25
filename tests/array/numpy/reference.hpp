// NumPy's results, beside which arrays are held: reference.py writes them before the tests run.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "array/arrays.hpp"

namespace reference {

struct result {
  std::string dtype;
  std::vector<std::int64_t> extents;
  std::vector<std::string> elements;  // of complex numbers both parts
};

inline const result& of(const std::string& name) {
  static const std::map<std::string, result> all = [] {
    std::map<std::string, result> read;
    std::ifstream file(WEFT_NUMPY_RESULTS);
    std::string key, word;
    result r;
    for (std::size_t rank = 0; file >> key >> r.dtype >> rank; r = {}) {
      std::size_t n = r.dtype.starts_with("complex") ? 2 : 1;
      for (std::size_t a = 0; a < rank; ++a) {
        std::int64_t extent = 0;
        file >> extent;
        r.extents.push_back(extent);
        n *= static_cast<std::size_t>(extent);
      }
      for (std::size_t i = 0; i < n && file >> word; ++i) r.elements.push_back(word);
      read[key] = std::move(r);
    }
    return read;
  }();
  const auto at = all.find(name);
  if (at == all.end()) FAIL("NumPy has no result " << name << " in " << WEFT_NUMPY_RESULTS);
  return at->second;
}

inline double number_of(const std::string& word) { return std::strtod(word.c_str(), nullptr); }

template <class T>
bool is_same(T found, const std::string& word, bool exactly) {
  if constexpr (std::is_integral_v<T>) {
    return std::to_string(found) == word;
  } else {
    const auto a = static_cast<double>(found), b = number_of(word);
    const double close = sizeof(T) == 4 ? 1e-6 : 1e-11;
    return a == b || (std::isnan(a) && std::isnan(b)) ||
           (!exactly && std::abs(a - b) <= close * std::max({std::abs(a), std::abs(b), 1e-3}));
  }
}

/// Elements are what NumPy has, and of its type: integers, and all where `exactly` is set, to the bit but for the
/// sign of zeros.
template <class T>
void check_elements(const std::string& name, const T* found, std::size_t n, bool exactly) {
  using part = typename weft::detail::real_part<T>::type;
  const result& expected = of(name);
  CHECK(weft::to_string(weft::dtype_of<T>) == expected.dtype);
  const auto* parts = reinterpret_cast<const part*>(found);
  REQUIRE(n * (sizeof(T) / sizeof(part)) == expected.elements.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < expected.elements.size(); ++i)
    if (!is_same(parts[i], expected.elements[i], exactly) && ++wrong <= 3)
      FAIL_CHECK("element " << i << " is " << parts[i] << ", and NumPy's is " << expected.elements[i]);
}

/// x, computed, is what NumPy has.
template <class X>
void check(arrays::place& at, const std::string& name, const X& x, bool exactly = false) {
  using T = typename X::value_type;
  CAPTURE(name);
  std::vector<std::int64_t> extents;
  for (const std::int64_t e : x.shape()) extents.push_back(e);
  CHECK(extents == of(name).extents);
  const xt::xarray<T> whole = at(weft::array<T>(x.node()));
  check_elements(name, whole.data(), whole.size(), exactly);
}

/// The arrays of reference.py.
struct data {
  explicit data(arrays::place& at, weft::shape chunk)
      : x(weft::from_function<3>(at.client, {23, 17, 5}, element{}, {.chunk = chunk})),
        f(weft::astype<float>(x)),
        i(weft::astype<std::int32_t>(weft::floor(x * 1000.0))),
        b(x > 0.3),
        z(weft::where(x > 0.4, std::nan(""), x)),
        row(weft::from_function<1>(at.client, {5}, element{}, {.chunk = {2}})),
        plane(weft::from_function<2>(at.client, {17, 5}, element{}, {.chunk = {4, 3}})) {}
  struct element {
    double operator()(std::int64_t a, std::int64_t j, std::int64_t k) const {
      return arrays::noise((a * 17 + j) * 5 + k);
    }
    double operator()(std::int64_t a) const { return arrays::noise(a); }
    double operator()(std::int64_t a, std::int64_t j) const { return arrays::noise(a * 5 + j); }
  };
  weft::array<double, 3> x;
  weft::array<float, 3> f;
  weft::array<std::int32_t, 3> i;
  weft::array<bool, 3> b;
  weft::array<double, 3> z;
  weft::array<double, 1> row;
  weft::array<double, 2> plane;
};

}  // namespace reference
