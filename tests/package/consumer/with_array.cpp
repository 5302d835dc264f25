#include <iostream>
#include <weft/array.hpp>
#include <weft/weft.hpp>

weft::task<> report(weft::client& c) {
  const auto x = weft::arange<double>(c, 0, 9, 1, {.chunk = {4}});
  const double sum = co_await weft::sum(x + 6.0 / 9.0).compute();
  std::cout << sum << '\n';
}

int main(int argc, char** argv) { return weft::run(argc, argv, report); }
