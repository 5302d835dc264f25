// expect: the type has no default: return std::optional<T> or a type with a default for this token
#include <weft/asio.hpp>
#include <weft/weft.hpp>
struct ticket {
  explicit ticket(int n) : number(n) {}
  int number;
};
weft::task<ticket> take() { co_return ticket(1); }
void f(weft::pool& pool) {
  pool.spawn(take(), [](std::exception_ptr, ticket) {});  // wrong
  pool.spawn(take(), [](std::exception_ptr, auto&&) {});
}
