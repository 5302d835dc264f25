#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/detail/array/code.hpp"

namespace weft::detail::arrays {

// What is done to one element: a tree of these, all of them encodable. Leaves are numbered.

template <std::size_t I>
struct input {};
template <class T>
struct constant {
  T value;
};
template <class Op, class... A>
struct call {
  Op op;
  std::tuple<A...> arguments;
};

template <std::size_t I, class In>
constexpr auto evaluate(const input<I>&, const In& in, std::size_t i) {
  return std::get<I>(in)[i];
}
template <class T, class In>
constexpr T evaluate(const constant<T>& c, const In&, std::size_t) {
  return c.value;
}
template <class Op, class... A, class In>
constexpr auto evaluate(const call<Op, A...>& t, const In& in, std::size_t i) {
  return std::apply([&](const A&... a) { return t.op(arrays::evaluate(a, in, i)...); }, t.arguments);
}

/// The same tree with its leaves numbered from By on.
template <std::size_t By, std::size_t I>
constexpr input<I + By> shifted(const input<I>&) {
  return {};
}
template <std::size_t By, class T>
constexpr constant<T> shifted(const constant<T>& c) {
  return c;
}
template <std::size_t By, class Op, class... A>
constexpr auto shifted(const call<Op, A...>& t) {
  return std::apply(
      [&](const A&... a) { return call<Op, decltype(arrays::shifted<By>(a))...>{t.op, {arrays::shifted<By>(a)...}}; },
      t.arguments);
}

/// The operations in the order in which they are done.
template <std::size_t I>
void describe_tree(const input<I>&, std::vector<std::string_view>&) {}
template <class T>
void describe_tree(const constant<T>&, std::vector<std::string_view>&) {}
template <class Op, class... A>
void describe_tree(const call<Op, A...>& t, std::vector<std::string_view>& operations) {
  std::apply([&](const A&... a) { (arrays::describe_tree(a, operations), ...); }, t.arguments);
  operations.push_back(operation_name<Op>());
}

template <class Tree, class... In>
using tree_value = std::remove_cvref_t<decltype(arrays::evaluate(
    std::declval<const Tree&>(), std::declval<const std::tuple<const In*...>&>(), std::size_t{}))>;

#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpass-failed"  // operations that no vectors have are computed one by one
#endif

/// The loop over a tree: one pass, as the compiler vectorises it. Element i of the result depends on element i of the
/// inputs alone, so that it may be written into one of these: what `restrict` would promise is not true then.
template <class Tree, class... In>
class tree_kernel final : public kernel {
 public:
  using out = tree_value<Tree, In...>;

  explicit tree_kernel(Tree t) : tree_(std::move(t)) {}
  bool takes(std::span<const std::uint32_t> items, std::uint32_t result) const noexcept override {
    if constexpr (sizeof...(In) == 0) {
      return result == sizeof(out) && items.empty();
    } else {
      constexpr std::array<std::uint32_t, sizeof...(In)> own{sizeof(In)...};
      return result == sizeof(out) && std::equal(items.begin(), items.end(), own.begin(), own.end());
    }
  }
  void run(const strip& s) const override { loop(s, std::index_sequence_for<In...>{}); }
  void encode(encoder& e) const override { weft::encode(e, tree_); }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override { describe_tree(tree_, operations); }

 private:
  template <std::size_t... I>
  void loop(const strip& s, std::index_sequence<I...>) const {
    const std::tuple<const In*...> in{reinterpret_cast<const In*>(s.in[I])...};
    out* const to = reinterpret_cast<out*>(s.out);
    const Tree tree = tree_;
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#else
#pragma GCC ivdep
#endif
    for (std::size_t i = 0, n = s.count; i < n; ++i) to[i] = arrays::evaluate(tree, in, i);
  }
  static std::shared_ptr<const code> make(decoder& d) {
    return std::make_shared<const tree_kernel>(weft::decode<Tree>(d));
  }
  static inline const code_entry entry_{&tree_kernel::make};

  [[no_unique_address]] Tree tree_;
};
template <class Tree, class... In>
any_code<kernel> kernel_by(const Tree& tree) {
  return any_code<kernel>(std::make_shared<const tree_kernel<Tree, In...>>(tree));
}

#ifdef __clang__
#pragma clang diagnostic pop
#endif

}  // namespace weft::detail::arrays
