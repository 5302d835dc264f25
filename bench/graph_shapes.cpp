#include "graph_shapes.hpp"

#include <utility>
#include <vector>

#include "harness.hpp"

namespace bench {
namespace {

int increment(int x) { return x + 1; }
long plus(long a, long b) { return a + b; }
long widen(int x) { return x; }

}  // namespace

weft::task<long> independent(weft::client& c, long n) {
  std::vector<weft::future<int>> all;
  all.reserve(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) all.push_back(c.submit(increment, i));
  for (int i = 0; i < n; ++i) {
    const int value = co_await all[static_cast<std::size_t>(i)];
    if (value != i + 1) throw wrong("a task gave a wrong value");
  }
  co_return n;
}

weft::task<long> chain(weft::client& c, long n) {
  weft::future<int> last = c.submit(increment, 0);
  for (long i = 1; i < n; ++i) last = c.submit(increment, std::move(last));
  const int value = co_await last;
  if (value != n) throw wrong("the chain gave a wrong value");
  co_return n;
}

weft::task<long> tree(weft::client& c, long leaves) {
  std::vector<weft::future<long>> level, above;
  for (int i = 0; i < leaves; ++i) level.push_back(c.submit(widen, i));
  long count = leaves;
  while (level.size() > 1) {
    for (std::size_t i = 0; i < level.size(); i += 2)
      above.push_back(c.submit(plus, std::move(level[i]), std::move(level[i + 1])));
    count += static_cast<long>(above.size());
    level = std::exchange(above, {});
  }
  const long sum = co_await level[0];
  if (sum != leaves * (leaves - 1) / 2) throw wrong("the tree gave a wrong value");
  co_return count;
}

}  // namespace bench
