// expect: weft: the result of a task may be aligned to 16 bytes at most: return it in a std::unique_ptr
#include <memory>
#include <weft/task.hpp>
struct alignas(64) wide {};
weft::task<wide> f() { co_return wide(); }  // wrong
weft::task<std::unique_ptr<wide>> g() { co_return std::make_unique<wide>(); }
