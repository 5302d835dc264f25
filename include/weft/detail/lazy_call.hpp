#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/detail/call.hpp"
#include "weft/detail/expression.hpp"
#include "weft/future.hpp"

namespace weft {
template <class T>
class lazy;
}

namespace weft::detail {

// ---- arguments that are lazy -----------------------------------------------------------------------------------

template <class P, class U>
struct lazy_argument : input_argument<P, U> {
  explicit lazy_argument(const lazy<U>&) noexcept : input_argument<P, U>(future<U>()) {}
};
template <class P, class U>
struct lazies_argument : counted_inputs<P, U> {
  explicit lazies_argument(const std::vector<lazy<U>>& l) noexcept : counted_inputs<P, U>(l.size()) {}
};
template <class P, class U>
struct argument_of<P, lazy<U>> {
  using type = lazy_argument<P, U>;
};
template <class P, class U>
struct argument_of<P, std::vector<lazy<U>>> {
  using type = lazies_argument<P, U>;
};

template <class P, class U>
struct portable_argument<P, lazy<U>> {
  using type = future<U>;
};
template <class P, class U>
struct portable_argument<P, std::vector<lazy<U>>> {
  using type = std::vector<future<U>>;
};

/// A vector of what gives values later.
template <class A>
inline constexpr bool is_inputs = is_futures<A>;
template <class U>
inline constexpr bool is_inputs<std::vector<lazy<U>>> = true;
template <class A>
inline constexpr bool is_input = is_future<A> || is_of<A, lazy> || is_inputs<A>;

template <class U>
void check_input(const lazy<U>& l) {
  if (!l.valid()) throw_empty_input(false);
}
template <class U>
void check_input(const future<U>& f) {
  if (!f.valid()) throw_empty_input(true);
}
template <class U>
void check_input(const std::vector<lazy<U>>& all) {
  for (const lazy<U>& l : all) check_input(l);
}
template <class U>
void check_input(const std::vector<future<U>>& all) {
  for (const future<U>& f : all) check_input(f);
}
template <class A>
  requires(!is_input<A>)
void check_input(const A&) noexcept {}

/// Takes a holder over. In place of what stands for a future, the future itself.
inline expression_input input_from(expression& e) noexcept {
  if (is_call(e)) return expression_input(e);
  node& n = *e.inputs[0].future();
  add_handle(n);
  drop_holder(e);
  return expression_input(n);
}
template <class U>
void add_inputs(expression_input*& at, lazy<U>&& l) noexcept {
  *at++ = input_from(*l.release());
}
template <class U>
void add_inputs(expression_input*& at, future<U>&& f) noexcept {
  *at++ = expression_input(*f.release());
}
template <class U>
void add_inputs(expression_input*& at, const lazy<U>& l) noexcept {
  add_inputs(at, lazy<U>(l));
}
template <class U>
void add_inputs(expression_input*& at, const future<U>& f) noexcept {
  add_inputs(at, future<U>(f));
}
template <class U>
void add_inputs(expression_input*& at, std::vector<lazy<U>>&& all) noexcept {
  for (lazy<U>& l : all) add_inputs(at, std::move(l));
}
template <class U>
void add_inputs(expression_input*& at, std::vector<future<U>>&& all) noexcept {
  for (future<U>& f : all) add_inputs(at, std::move(f));
}
template <class U>
void add_inputs(expression_input*& at, const std::vector<lazy<U>>& all) noexcept {
  for (const lazy<U>& l : all) add_inputs(at, l);
}
template <class U>
void add_inputs(expression_input*& at, const std::vector<future<U>>& all) noexcept {
  for (const future<U>& f : all) add_inputs(at, f);
}
template <class A>
  requires(!is_input<std::remove_cvref_t<A>>)
void add_inputs(expression_input*&, A&&) noexcept {}

// ---- the calls -------------------------------------------------------------------------------------------------

template <class F, class... A>
struct lazy_call final : expression {
  using how = plan_for<F, A...>;
  using T = typename how::result;
  static constexpr bool takes_client = wants_client<decltype(parameters_of<F, A...>())>;
  static constexpr bool vectors = (is_inputs<A> || ...);
  using node_form = computed_node<T, how::waits, takes_client>;

  template <class... Given>
  explicit lazy_call(F f, Given&&... given)
      : expression(form), function_(std::move(f)), given_(std::forward<Given>(given)...) {
    if constexpr (is_function_pointer<F>) this->address = reinterpret_cast<const void*>(function_);
    this->input_count = first_input<sizeof...(A)>();
    if constexpr (vectors) {
      inputs_ = std::make_unique<expression_input[]>(this->input_count);
      this->inputs = inputs_.get();
    } else {
      this->inputs = inputs_.data();
    }
    [[maybe_unused]] expression_input* at = this->inputs;
    (add_inputs(at, std::forward<Given>(given)), ...);  // what is no input is moved from already, and ignored here
  }

  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* p, std::size_t size) noexcept { release_frame(p, size); }

 private:
  template <std::size_t I>
  std::uint32_t first_input() const noexcept {
    return [&]<std::size_t... J>(std::index_sequence<J...>) -> std::uint32_t {
      return (std::uint32_t{std::get<J>(given_).input_count()} + ... + 0u);
    }(std::make_index_sequence<I>{});
  }

  decltype(auto) invoke([[maybe_unused]] client* within, [[maybe_unused]] const edge* from, bool last) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) -> decltype(auto) {
      if constexpr (takes_client)
        return std::invoke(function_, *within, std::get<I>(given_).pass(from + first_input<I>(), last)...);
      else
        return std::invoke(function_, std::get<I>(given_).pass(from + first_input<I>(), last)...);
    }(std::index_sequence_for<A...>{});
  }

  static node* make(engine& e, expression* call, fused_calls* before, std::uint32_t inputs) {
    return node_form::make(form.task, e, call, before, inputs);
  }
  static void call(expression& e, node& into, client* within, const edge* from, bool last, void* started) {
    auto& self = static_cast<lazy_call&>(e);
    if constexpr (how::waits)
      static_cast<std::optional<task<T>>*>(started)->emplace(self.invoke(within, from, last));
    else if constexpr (std::is_void_v<T>)
      self.invoke(within, from, last);
    else
      ::new (static_cast<void*>(std::addressof(static_cast<value_node<T>&>(into).value)))
          T(self.invoke(within, from, last));
  }
  static void end(expression& e) noexcept { delete static_cast<lazy_call*>(&e); }

  template <class Parameters>
  struct constant;
  template <class... P>
  struct constant<types<P...>> {
    static constexpr bool value = std::is_invocable_v<const F&, typename argument_of<P, A>::type::passed...>;
  };
  /// Whether a second call gives the same, as far as the types can tell.
  static constexpr bool remakes = !how::waits && !takes_client && how::lasting && !std::is_void_v<T> &&
                                  constant<typename without_client<decltype(parameters_of<F, A...>())>::type>::value;
  static std::size_t kept_bytes([[maybe_unused]] const expression& e) {
    if constexpr (remakes) {
      const auto& self = static_cast<const lazy_call&>(e);
      const auto bytes = [](const auto& a) -> std::size_t {
        if constexpr (requires { a.value; })
          return owned_bytes(a.value);
        else
          return 0;
      };
      std::size_t own = sizeof(lazy_call);
      if constexpr (encodable<F>) own += owned_bytes(self.function_);
      return std::apply([&](const auto&... a) { return (bytes(a) + ... + own); }, self.given_);
    } else {
      return 0;
    }
  }
  static std::string name([[maybe_unused]] const void* address) {
    if constexpr (is_function_pointer<F>)
      return name_of_function(address);
    else
      return std::string(type_name<F>());
  }

  template <class Parameters>
  struct elsewhere_of;
  template <class... P>
  struct elsewhere_of<types<P...>> {
    using type = call_node<F, takes_client, types<P...>, typename portable_argument<P, A>::type...>;
  };
  using elsewhere = typename elsewhere_of<typename without_client<decltype(parameters_of<F, A...>())>::type>::type;
  static void encode(const node& n, encoder& e) {
    const auto& self = static_cast<const lazy_call&>(*static_cast<const node_form&>(n).call);
    encode_callable(e, self.function_);
    std::apply([&](const auto&... a) { (a.encode(e), ...); }, self.given_);
  }

  static constexpr expression_type form{.task = node_form::type_for(how::lasting),
                                        .make = &lazy_call::make,
                                        .call = &lazy_call::call,
                                        .end = &lazy_call::end,
                                        .name = &lazy_call::name,
                                        .fuses = !how::waits && !takes_client,
                                        .portable = {.entry = &elsewhere::entry,
                                                     .encode = &lazy_call::encode,
                                                     .waits = how::waits,
                                                     .submits = takes_client},
                                        .kept_bytes = remakes ? &lazy_call::kept_bytes : nullptr};

  [[no_unique_address]] F function_;
  [[no_unique_address]] typename how::arguments given_;
  [[no_unique_address]] std::conditional_t<vectors, std::unique_ptr<expression_input[]>,
                                           std::array<expression_input, how::inputs>> inputs_;
};

/// What stands for a value that is under way already; takes the handle over.
expression* persisted_expression(node& n);

template <class T>
std::vector<expression*> expressions_of(const std::vector<lazy<T>>& all) {
  std::vector<expression*> list;
  list.reserve(all.size());
  for (const lazy<T>& x : all) list.push_back(x.get_expression());
  return list;
}

}  // namespace weft::detail
