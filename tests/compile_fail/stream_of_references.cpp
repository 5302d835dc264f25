// expect: weft: a stream yields movable objects
#include <weft/stream.hpp>
weft::stream<int&> f(int& i) { co_yield i; }  // wrong
weft::stream<int> g(int i) { co_yield i; }
