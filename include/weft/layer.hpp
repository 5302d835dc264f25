#pragma once

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/client.hpp"
#include "weft/dependencies.hpp"
#include "weft/detail/layer_node.hpp"
#include "weft/detail/signature.hpp"
#include "weft/drawing.hpp"
#include "weft/future.hpp"
#include "weft/values.hpp"

namespace weft {

/// Many tasks of one function, numbered from 0: a description of some hundred bytes, however many they are. Counted,
/// so that copies are the same layer. It belongs to no client and may be computed again and again.
///
/// When it is computed, a task is made when its inputs have ended, or a few at a time where it has none: memory is
/// proportional to what is under way and to the values that are still needed, besides 8 bytes for each of 512 tasks
/// (and, where not all of a layer is needed, one bit a task). Tasks run in the order of their place in their layer,
/// those of later layers first, so that a value goes to those that need it before others are made.
template <class T = void>
class [[nodiscard("weft: a layer runs nothing by itself: give it to client::compute or client::run")]] layer {
 public:
  using value_type = T;

  /// Refers to nothing.
  layer() noexcept = default;
  layer(const layer& o) noexcept : spec_(o.spec_) {
    if (spec_) detail::add_reference(*spec_);
  }
  layer(layer&& o) noexcept : spec_(std::exchange(o.spec_, nullptr)) {}
  layer& operator=(layer o) noexcept {
    std::swap(spec_, o.spec_);
    return *this;
  }
  ~layer() {
    if (spec_) detail::drop_reference(spec_);
  }

  bool valid() const noexcept { return spec_ != nullptr; }
  /// The number of tasks.
  std::size_t size() const noexcept { return spec_ ? spec_->count : 0; }

  friend bool operator==(const layer& a, const layer& b) noexcept { return a.spec_ == b.spec_; }

  /// For layer_of and the client: takes a reference over.
  static layer adopt(detail::layer_spec* s) noexcept {
    layer l;
    l.spec_ = s;
    return l;
  }
  detail::layer_spec* get_spec() const noexcept { return spec_; }

 private:
  detail::layer_spec* spec_ = nullptr;
};

namespace detail {

template <class T, class D>
struct layer_input {
  layer<T> from;
  D how;
};

template <class A>
inline constexpr bool is_layer = is_of<std::remove_cvref_t<A>, layer>;

template <class T, class D>
consteval bool checked_dependency() {
  constexpr bool has_value = !std::is_void_v<T>;
  constexpr bool can_travel = std::is_aggregate_v<D>;
  constexpr bool names_inputs = is_dependency<D> || !can_travel;
  static_assert(has_value, "weft: the tasks of this layer have no values to take; let them return some");
  static_assert(can_travel, "weft: a dependency is an aggregate, so that it can travel to another process");
  static_assert(names_inputs,
                "weft: a dependency has `weft::intervals of(std::size_t j) const`: the tasks that task j takes "
                "(weft/dependencies.hpp)");
  return has_value && can_travel && names_inputs;
}

template <class F, class... A>
auto make_layer(std::size_t n, F f, A&&... arguments) {
  using T = typename layer_plan<F, std::decay_t<A>...>::result;
  if constexpr (checked_layer<F, std::decay_t<A>...>())
    return layer<T>::adopt(new layer_call<F, std::decay_t<A>...>(n, std::move(f), std::forward<A>(arguments)...));
  else
    return layer<T>();
}

/// The T of f(i, weft::values<T>, ...).
template <class Parameters>
struct own_value {
  using type = void;
};
template <class I, class T, class... P>
struct own_value<types<I, values<T>, P...>> {
  using type = T;
};

}  // namespace detail

/// An input of a layer: the values of the tasks of `l` that the dependency names.
template <class T, class D>
auto from(layer<T> l, D dependency) {
  if constexpr (detail::checked_dependency<T, D>())
    return detail::layer_input<T, D>{std::move(l), std::move(dependency)};
}

/// `n` tasks; task i calls `f(i, arguments...)`. An argument that is `weft::from(layer, dependency)` is an input: it
/// is given as weft::values of the layer's values, or as `const T&` where the dependency names just one and f takes
/// it so. The others are kept once for all tasks, and given by const&; they must be encodable. f is a function, a
/// lambda without captures, or an aggregate with a const call operator; it may be a coroutine. Throws misuse where
/// the numbers of tasks do not fit.
///
///     auto parts = weft::layer_of(1000, load, path);
///     auto sums = weft::layer_of(1000, sum, weft::from(parts, weft::one_to_one{}));
///     auto total = weft::layer_of(1, add_up, weft::from(sums, weft::every{}));
///     double x = co_await c.compute(total, 0);
///
/// A function object whose results differ in size may say how large that of task i is, in bytes, by a member
/// `std::uint64_t result_bytes(std::size_t i) const noexcept`: so much room is made before the task runs. Otherwise
/// it is as much as the results of that function have taken of late. It may also say what its tasks are called in
/// errors and pictures, by `std::string task_name() const`, and what each is at work on, by
/// `std::string task_subject(std::size_t i) const`: `sum-17 of chunk (3, 0)`. Both are asked when they are shown.
///
/// Cost: one block of memory.
template <class F, class... A>
  requires(!detail::is_layer<A> && ...)
auto layer_of(std::size_t n, F f, A&&... arguments) {
  return detail::make_layer(n, std::move(f), std::forward<A>(arguments)...);
}

/// The same with one input: task j calls `g(j, values, more...)`.
template <class F, class T, class D, class... A>
auto layer_of(std::size_t n, F g, layer<T> input, D dependency, A&&... more) {
  if constexpr (detail::checked_dependency<T, D>())
    return detail::make_layer(n, std::move(g), from(std::move(input), std::move(dependency)),
                              std::forward<A>(more)...);
  else
    return layer<nothing>();
}

/// A layer whose tasks take values of earlier tasks of itself: `g(i, weft::values<T>, arguments...)`, a T again. The
/// dependency must name earlier tasks only, which is looked at for each task here (but for previous_step, which can
/// do no other), and is misuse otherwise; what is never named begins with no values, as the first step does.
/// `weft::previous_step{width, weft::neighbours{1}}` makes a stencil of it, task step * width + point.
template <class F, class D, class... A>
auto layer_over_time(std::size_t n, F g, D dependency, A&&... arguments) {
  using T = typename detail::own_value<decltype(detail::parameters_of<F>())>::type;
  constexpr bool spelt_out = !std::is_void_v<T>;
  static_assert(
      spelt_out,
      "weft: a layer over time takes values of its own, and spells out their type: T g(i, weft::values<T>)");
  using own = std::conditional_t<spelt_out, T, nothing>;
  if constexpr (detail::checked_dependency<own, D>()) {
    using result = typename detail::layer_plan<F, detail::own_input<own, D>, std::decay_t<A>...>::result;
    constexpr bool returns_it = std::is_same_v<result, own> || std::is_same_v<result, nothing> || !spelt_out;
    static_assert(returns_it,
                  "weft: a layer over time takes values of its own: g(i, weft::values<T>) must return a T");
    if constexpr (spelt_out && returns_it)
      return detail::make_layer(n, std::move(g), detail::own_input<own, D>{std::move(dependency)},
                                std::forward<A>(arguments)...);
    else
      return layer<own>();
  } else {
    return layer<own>();
  }
}

/// Values that are there already, or under way, as a layer: of tasks that were submitted, or computed before. It
/// keeps them as long as it is kept, and can be computed with by their client only.
template <class T>
layer<T> layer_of(std::vector<future<T>> futures) {
  for (const future<T>& f : futures)
    if (!f.valid()) detail::throw_empty_layer("a future that refers to nothing");
  auto* s = new detail::given_layer(futures.size());
  s->given.reserve(futures.size());
  for (future<T>& f : futures) s->given.push_back(f.release());
  return layer<T>::adopt(s);
}

// ---- the client's part -------------------------------------------------------------------------------------------

template <class T>
std::vector<future<T>> client::compute(const layer<T>& l) const {
  std::vector<detail::node*> made(l.size());
  compute_layer(l.get_spec(), 0, made);
  std::vector<future<T>> futures(made.size());
  for (std::size_t i = 0; i < made.size(); ++i) futures[i] = future<T>::adopt(*made[i]);
  return futures;
}

template <class T>
future<T> client::compute(const layer<T>& l, std::size_t i) const {
  detail::node* made = nullptr;
  compute_layer(l.get_spec(), i, {&made, 1});
  return future<T>::adopt(*made);
}

template <class T>
future<> client::run(const layer<T>& l) const {
  return future<>::adopt(*run_layer(l.get_spec()));
}

// ---- pictures --------------------------------------------------------------------------------------------------

namespace detail {
std::string draw_layer(layer_spec* wanted, const drawing_options& how, drawing_form form);
}  // namespace detail

/// A layer and those that it takes values of, in Graphviz's language or as an SVG picture: the tasks that computing
/// it would run, by function and number, and values that are given by their keys, coloured in the order in which they
/// would run. Where the tasks are more than a picture has room for (4,000, or 20,000 inputs), each layer is one box.
/// Cost: linear in what is drawn.
template <class T>
std::string to_dot(const layer<T>& l, const drawing_options& how = {}) {
  return detail::draw_layer(l.get_spec(), how, detail::drawing_form::dot);
}
template <class T>
std::string to_svg(const layer<T>& l, const drawing_options& how = {}) {
  return detail::draw_layer(l.get_spec(), how, detail::drawing_form::svg);
}

}  // namespace weft
