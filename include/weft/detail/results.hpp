#pragma once

#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace weft {

/// What stands for the result of a task<void> among others.
struct nothing {
  friend bool operator==(nothing, nothing) = default;
};

/// What `all` gives: a plain aggregate, made for `auto [a, b] = co_await all(...)`. It is no tuple: g++ 15
/// miscompiles the destruction of those in such a declaration (PR 124584).
template <class... T>
struct results;
template <class A>
struct results<A> {
  A first;
};
template <class A, class B>
struct results<A, B> {
  A first;
  B second;
};
template <class A, class B, class C>
struct results<A, B, C> {
  A first;
  B second;
  C third;
};
template <class A, class B, class C, class D>
struct results<A, B, C, D> {
  A first;
  B second;
  C third;
  D fourth;
};
template <class A, class B, class C, class D, class E>
struct results<A, B, C, D, E> {
  A first;
  B second;
  C third;
  D fourth;
  E fifth;
};
template <class A, class B, class C, class D, class E, class F>
struct results<A, B, C, D, E, F> {
  A first;
  B second;
  C third;
  D fourth;
  E fifth;
  F sixth;
};
template <class A, class B, class C, class D, class E, class F, class G>
struct results<A, B, C, D, E, F, G> {
  A first;
  B second;
  C third;
  D fourth;
  E fifth;
  F sixth;
  G seventh;
};
template <class A, class B, class C, class D, class E, class F, class G, class H>
struct results<A, B, C, D, E, F, G, H> {
  A first;
  B second;
  C third;
  D fourth;
  E fifth;
  F sixth;
  G seventh;
  H eighth;
};

namespace detail {

inline constexpr std::size_t most_results = 8;

template <class T>
using value_or_nothing = std::conditional_t<std::is_void_v<T>, nothing, T>;

/// An object made after its holder, in the holder's memory, and ended with it. Unlike std::optional it does
/// not ask whether it is there: `get` before `emplace` is an error of ours.
template <class T>
class late {
 public:
  late() noexcept {}
  late(late&&) noexcept {}  // moved only while empty: awaiters are moved before they are awaited
  ~late() {
    if (made_) std::destroy_at(&value_);
  }
  template <class... A>
  T& emplace(A&&... a) noexcept {
    made_ = true;
    return *std::construct_at(&value_, std::forward<A>(a)...);
  }
  T& get() noexcept { return value_; }
  bool made() const noexcept { return made_; }

 private:
  union {
    T value_;
  };
  bool made_ = false;
};

}  // namespace detail
}  // namespace weft
