// Blocks that damaged messages may give to tasks.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "array/arrays.hpp"
#include "weft/detail/array/digests.hpp"

namespace arrays {

/// Of one element of that type.
template <class T>
weft::detail::arrays::block block_of(T x) {
  weft::detail::arrays::block b(weft::detail::arrays::element_of<T>, {1});
  *b.template data<T>() = x;
  return b;
}

struct merge_parts {
  weft::detail::arrays::any_code<weft::detail::arrays::digest> what;
  weft::detail::arrays::block operator()(weft::values<weft::detail::arrays::block> parts) const {
    return what->merge(parts);
  }
};
/// The elements of what a task makes of the blocks.
template <class F, class... B>
std::size_t count_made(place& at, F f, B... blocks) {
  std::vector<weft::future<weft::detail::arrays::block>> given;
  (given.push_back(at.client.scatter(std::move(blocks))), ...);
  const auto count = [](weft::future<weft::detail::arrays::block> made) -> weft::task<std::size_t> {
    const weft::detail::arrays::block& b = co_await made;
    co_return b.count();
  };
  return at.pool.run(count(at.client.submit(std::move(f), std::move(given))));
}

}  // namespace arrays
