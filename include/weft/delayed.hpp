#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/client.hpp"
#include "weft/detail/checked_call.hpp"
#include "weft/detail/expression.hpp"
#include "weft/detail/lazy_call.hpp"
#include "weft/detail/results.hpp"
#include "weft/drawing.hpp"

namespace weft {

/// A call that runs when it is computed, and its value then: counted, so that copies are the same call. Lazies are
/// made by `delayed`, each from others that are there already, so they form a graph without cycles; no loop can be
/// built, and none needs to be looked for.
///
/// What is set (named, with, cheap) is set for all who hold it: do that before the graph goes to other threads. Apart
/// from that any number of threads may use it. It belongs to no client and may be computed again and again.
template <class T = void>
class [[nodiscard("weft: a lazy call runs nothing by itself: give it to client::compute")]] lazy {
 public:
  using value_type = T;

  /// Refers to nothing.
  lazy() noexcept = default;
  lazy(const lazy& o) noexcept : call_(o.call_) {
    if (call_) detail::add_holder(*call_);
  }
  lazy(lazy&& o) noexcept : call_(std::exchange(o.call_, nullptr)) {}
  lazy& operator=(lazy o) noexcept {
    std::swap(call_, o.call_);
    return *this;
  }
  ~lazy() {
    if (call_) detail::drop_holder(*call_);
  }

  bool valid() const noexcept { return call_ != nullptr; }

  /// Its key, in errors and drawings. It stays a task of its own then, and is not fused with others.
  lazy& named(std::string_view key) & {
    detail::name_expression(need(), key);
    return *this;
  }
  lazy&& named(std::string_view key) && { return std::move(named(key)); }
  /// Its priority and retries, in place of the client's; and its name if that is not empty. A lazy is fused only with
  /// those that have the same.
  lazy& with(task_options options) & {
    detail::annotate_expression(need(), options);
    return *this;
  }
  lazy&& with(task_options options) && { return std::move(with(options)); }
  /// Says that computing it again costs less than keeping its value: each call that needs it computes it for itself,
  /// and it is no task then. Throws misuse for coroutines and for functions that take a client.
  lazy& cheap() & {
    detail::make_cheap(need());
    return *this;
  }
  lazy&& cheap() && { return std::move(cheap()); }

  friend bool operator==(const lazy& a, const lazy& b) noexcept { return a.call_ == b.call_; }

  /// For `delayed` and the client: takes a holder over, or gives it up.
  static lazy adopt(detail::expression& e) noexcept {
    lazy l;
    l.call_ = &e;
    return l;
  }
  detail::expression* release() noexcept { return std::exchange(call_, nullptr); }
  detail::expression* get_expression() const noexcept { return call_; }

 private:
  detail::expression& need() const {
    if (!call_) detail::throw_empty_input(false);
    return *call_;
  }

  detail::expression* call_ = nullptr;
};

/// `f(arguments...)`, to be computed later: nothing runs. Arguments are those of client::submit, and lazies besides,
/// which are given as their values (`const U&`, or a copy), or a vector of lazies, as a vector of their values or as
/// weft::values. A lazy that several calls take is computed once in each `compute`.
///
///     weft::lazy<image> src = weft::delayed(load, "a.png");
///     weft::lazy<image> both = weft::delayed(blend, weft::delayed(blur, src, 3.0f), weft::delayed(sobel, src));
///     image out = co_await c.compute(both);
///
/// Cost: one block of memory, about 50 ns.
template <class F, class... A>
auto delayed(F f, A&&... arguments) {
  using how = detail::plan_for<F, std::decay_t<A>...>;
  if constexpr (detail::checked_call<F, std::decay_t<A>...>()) {
    (detail::check_input(arguments), ...);
    return lazy<typename how::result>::adopt(
        *new detail::lazy_call<F, std::decay_t<A>...>(std::move(f), std::forward<A>(arguments)...));
  } else {
    return lazy<typename how::result>();
  }
}

template <class T>
future<T> client::compute(lazy<T> x) const {
  detail::expression* wanted = x.get_expression();
  detail::node* result = nullptr;
  compute_all({&wanted, 1}, {&result, 1});
  return future<T>::adopt(*result);
}

template <class T>
std::vector<future<T>> client::compute(std::vector<lazy<T>> all) const {
  std::vector<detail::node*> results(all.size());
  std::vector<future<T>> futures(all.size());
  compute_all(detail::expressions_of(all), results);
  for (std::size_t i = 0; i < all.size(); ++i) futures[i] = future<T>::adopt(*results[i]);
  return futures;
}

template <class T, class U, class... V>
results<future<T>, future<U>, future<V>...> client::compute(lazy<T> x, lazy<U> y, lazy<V>... more) const {
  std::array<detail::expression*, sizeof...(V) + 2> wanted{x.get_expression(), y.get_expression(),
                                                           more.get_expression()...};
  std::array<detail::node*, sizeof...(V) + 2> made{};
  compute_all(wanted, made);
  std::size_t i = 2;
  return {future<T>::adopt(*made[0]), future<U>::adopt(*made[1]), future<V>::adopt(*made[i++])...};
}

template <class T>
lazy<T> client::persist(lazy<T> x) const {
  future<T> f = compute(std::move(x));
  lazy<T> l = lazy<T>::adopt(*detail::persisted_expression(*f.get_node()));
  static_cast<void>(f.release());
  return l;
}

template <class T>
std::vector<lazy<T>> client::persist(std::vector<lazy<T>> all) const {
  std::vector<future<T>> futures = compute(std::move(all));
  std::vector<lazy<T>> persisted;
  persisted.reserve(futures.size());
  for (future<T>& f : futures) {
    persisted.push_back(lazy<T>::adopt(*detail::persisted_expression(*f.get_node())));
    static_cast<void>(f.release());
  }
  return persisted;
}

// ---- pictures --------------------------------------------------------------------------------------------------

namespace detail {
std::string draw_expressions(const std::vector<expression*>& wanted, const drawing_options& how, drawing_form form);
}  // namespace detail

/// The graph in Graphviz's language, or as an SVG picture: calls by their names or their functions', what is under
/// way already by its key, coloured in the order in which they would run. Large graphs are drawn layer by layer.
template <class T>
std::string to_dot(const lazy<T>& x, const drawing_options& how = {}) {
  return detail::draw_expressions(std::vector<detail::expression*>(1, x.get_expression()), how,
                                  detail::drawing_form::dot);
}
template <class T>
std::string to_dot(const std::vector<lazy<T>>& all, const drawing_options& how = {}) {
  return detail::draw_expressions(detail::expressions_of(all), how, detail::drawing_form::dot);
}
template <class T>
std::string to_svg(const lazy<T>& x, const drawing_options& how = {}) {
  return detail::draw_expressions(std::vector<detail::expression*>(1, x.get_expression()), how,
                                  detail::drawing_form::svg);
}
template <class T>
std::string to_svg(const std::vector<lazy<T>>& all, const drawing_options& how = {}) {
  return detail::draw_expressions(detail::expressions_of(all), how, detail::drawing_form::svg);
}

}  // namespace weft
