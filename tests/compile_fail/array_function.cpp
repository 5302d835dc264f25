// expect: weft: the function of from_function<N> takes N indices
#include <weft/array.hpp>
auto f(const weft::client& c) {
  auto wrong = weft::from_function<2>(c, {3, 3}, [](std::int64_t i) { return i; });  // wrong
  return weft::from_function<1>(c, {3}, [](std::int64_t i) { return i; });
}
