// expect: weft: the function cannot be called with these arguments
#include <string>
#include <weft/delayed.hpp>
int length(const std::string& text) { return static_cast<int>(text.size()); }
weft::lazy<int> f() {
  weft::lazy<int> number = weft::delayed(length, "one");
  return weft::delayed(length, number);  // wrong
  return weft::delayed(length, weft::delayed([](int x) { return std::string(3, 'x'); }, number));
}
