// NumPy's results, beside which arrays are held: reference.py writes them before the tests run.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "array/arrays.hpp"

namespace reference {

struct result {
  std::vector<std::int64_t> extents;
  std::vector<double> elements;
};

inline const result& of(const std::string& name) {
  static const std::map<std::string, result> all = [] {
    std::map<std::string, result> read;
    std::ifstream file(WEFT_NUMPY_RESULTS);
    std::string key, word;
    for (std::size_t rank = 0; file >> key >> rank;) {
      result r;
      std::size_t n = 1;
      for (std::size_t a = 0; a < rank; ++a) {
        std::int64_t extent = 0;
        file >> extent;
        r.extents.push_back(extent);
        n *= static_cast<std::size_t>(extent);
      }
      for (std::size_t i = 0; i < n && file >> word; ++i) r.elements.push_back(std::strtod(word.c_str(), nullptr));
      read[key] = std::move(r);
    }
    return read;
  }();
  const auto at = all.find(name);
  if (at == all.end()) FAIL("NumPy has no result " << name << " in " << WEFT_NUMPY_RESULTS);
  return at->second;
}

/// x, computed, is what NumPy has: to the bit where `exactly` is set.
template <class X>
void check(arrays::place& at, const std::string& name, const X& x, bool exactly = false) {
  CAPTURE(name);
  const result& expected = of(name);
  std::vector<std::int64_t> extents;
  for (const std::int64_t e : x.shape()) extents.push_back(e);
  CHECK(extents == expected.extents);
  const xt::xarray<typename X::value_type> whole = at(weft::array<typename X::value_type>(x.node()));
  const std::vector<double> found = arrays::list_of(whole);
  REQUIRE(found.size() == expected.elements.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double a = found[i], b = expected.elements[i];
    const bool same = a == b || (std::isnan(a) && std::isnan(b)) ||
                      (!exactly && std::abs(a - b) <= 1e-11 * std::max({std::abs(a), std::abs(b), 1e-3}));
    if (!same && ++wrong <= 3) FAIL_CHECK("element " << i << " is " << a << ", and NumPy's is " << b);
  }
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
