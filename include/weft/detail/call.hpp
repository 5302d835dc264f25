#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/codec.hpp"
#include "weft/detail/node.hpp"
#include "weft/detail/node_stop.hpp"
#include "weft/detail/promise.hpp"
#include "weft/detail/signature.hpp"
#include "weft/task.hpp"
#include "weft/values.hpp"

namespace weft::detail {

pool_core& pool_of(engine& e) noexcept;
priority band_of(engine& e) noexcept;
std::string name_of_function(const void* address);
/// A coroutine is about to be left waiting on this worker, or has not been after all.
void coroutine_waits(node& n) noexcept;
void coroutine_did_not_wait(engine& e) noexcept;

/// A copy of a value, also of one that cannot be copied: it can be encoded.
template <class T>
T copy_of(const T& x) {
  if constexpr (std::is_copy_constructible_v<T>) {
    return x;
  } else {
    return from_bytes<T>(to_bytes(x));
  }
}

// ---- what a node keeps of an argument, and how it is passed ------------------------------------------------------

/// A value, given for a parameter P: converted at the call site, so that the call owns it.
template <class P>
struct value_argument {
  using type = kept_t<P>;
  static constexpr bool encodes = encodable<type>;
  static constexpr std::size_t inputs = 0;
  /// Whether a run leaves it as it was.
  static constexpr bool lasting = (std::is_lvalue_reference_v<P> && std::is_const_v<std::remove_reference_t<P>>) ||
                                  !std::is_same_v<type, std::remove_cvref_t<P>> || std::is_trivially_copyable_v<type>;

  template <class A>
  explicit value_argument(A&& a) : value(std::forward<A>(a)) {}
  template <class A>
  static constexpr bool accepts = std::is_convertible_v<A, type>;

  std::uint32_t input_count() const noexcept { return 0; }

  using passed = std::conditional_t<std::is_same_v<std::decay_t<P>, const char*>, const char*,
                                    std::conditional_t<lasting, const type&, type>>;
  passed pass(const edge*, bool last) {
    if constexpr (std::is_same_v<std::decay_t<P>, const char*>) {
      return value.c_str();
    } else if constexpr (lasting) {
      return value;
    } else {
      if (last) return std::move(value);
      return copy();
    }
  }
  void encode(encoder& e) const { weft::encode(e, value); }
  static value_argument decode(decoder& d) { return value_argument(weft::decode<type>(d)); }
  void take(edge*&, input_source&) const noexcept {}

  type copy() const { return copy_of(value); }

  type value;
};

/// A future, given for a parameter that takes its value. The input itself is an edge of the node.
template <class P, class U>
struct input_argument {
  static constexpr bool encodes = true;
  static constexpr bool lasting = true;
  static constexpr std::size_t inputs = 1;
  explicit input_argument(const future<U>&) noexcept {}
  template <class A>
  static constexpr bool accepts = true;
  static void encode(encoder&) noexcept {}
  static input_argument decode(decoder&) { return input_argument(future<U>()); }
  void take(edge*& at, input_source& from) const { (at++)->from = &from.take(remote_node<U>::as_input); }

  std::uint32_t input_count() const noexcept { return 1; }
  using passed = const U&;
  passed pass(const edge* e, bool) const noexcept { return static_cast<const value_node<U>*>(e->from)->value; }
};
template <class U>
void take_inputs(edge*& at, future<U>&& f) noexcept {
  (at++)->from = f.release();
}
template <class U>
void take_inputs(edge*& at, const future<U>& f) noexcept {
  take_inputs(at, future<U>(f));
}

/// Inputs of a number that is known when they are given, for a vector of their values, or for weft::values.
template <class P, class U>
struct counted_inputs {
  static constexpr bool encodes = true;
  static constexpr bool lasting = true;
  static constexpr std::size_t inputs = 1;
  explicit counted_inputs(std::size_t count) noexcept : count_(static_cast<std::uint32_t>(count)) {}
  template <class A>
  static constexpr bool accepts = true;
  void encode(encoder& e) const { e.put_count(count_); }
  void take(edge*& at, input_source& from) const {
    for (std::uint32_t i = 0; i < count_; ++i) (at++)->from = &from.take(remote_node<U>::as_input);
  }

  std::uint32_t input_count() const noexcept { return count_; }
  static constexpr bool views = std::is_same_v<std::remove_cvref_t<P>, values<U>>;
  using passed = std::conditional_t<views, values<U>, std::vector<U>>;
  passed pass(const edge* e, bool) const {
    const values<U> view(e, count_);
    if constexpr (views) {
      return view;
    } else {
      return std::vector<U>(view.begin(), view.end());
    }
  }

 private:
  std::uint32_t count_;
};

/// A vector of futures.
template <class P, class U>
struct inputs_argument : counted_inputs<P, U> {
  explicit inputs_argument(const std::vector<future<U>>& f) noexcept : counted_inputs<P, U>(f.size()) {}
  explicit inputs_argument(std::uint32_t count) noexcept : counted_inputs<P, U>(count) {}
  static inputs_argument decode(decoder& d) {
    constexpr std::uint64_t most = std::uint64_t{1} << 24;
    const std::uint64_t count = d.take_count("the number of a call's inputs");
    if (count > most) d.fail("the number of a call's inputs", "there are too many");
    return inputs_argument(static_cast<std::uint32_t>(count));
  }
};
template <class U>
void take_inputs(edge*& at, std::vector<future<U>>&& futures) noexcept {
  for (future<U>& f : futures) take_inputs(at, std::move(f));
}
template <class U>
void take_inputs(edge*& at, const std::vector<future<U>>& futures) noexcept {
  for (const future<U>& f : futures) take_inputs(at, f);
}
template <class A>
  requires(!is_future<std::remove_cvref_t<A>> && !is_futures<std::remove_cvref_t<A>>)
void take_inputs(edge*&, A&&) noexcept {}

template <class P, class A>
struct argument_of {
  using type = value_argument<P>;
};
template <class P, class U>
struct argument_of<P, future<U>> {
  using type = input_argument<P, U>;
};
template <class P, class U>
struct argument_of<P, std::vector<future<U>>> {
  using type = inputs_argument<P, U>;
};

/// What an argument of a call looks like in another process: a future, futures, or a value of what the parameter
/// keeps.
template <class P, class A>
struct portable_argument {
  using type = kept_t<P>;
};
template <class P, class U>
struct portable_argument<P, future<U>> {
  using type = future<U>;
};
template <class P, class U>
struct portable_argument<P, std::vector<future<U>>> {
  using type = std::vector<future<U>>;
};

// ---- what a call is ----------------------------------------------------------------------------------------------

template <class F, class... A>
consteval auto parameters_of() {
  if constexpr (is_function_pointer<F>)
    return typename signature<F>::parameters{};
  else if constexpr (requires { &F::operator(); })
    return typename signature<decltype(&F::operator())>::parameters{};
  else
    return types<A...>{};  // generic or overloaded: the arguments decide
}

/// Whether the first parameter is a client&, which the engine provides.
template <class Parameters>
inline constexpr bool wants_client = false;
template <class... P>
inline constexpr bool wants_client<types<client&, P...>> = true;
template <class Parameters>
struct without_client {
  using type = Parameters;
};
template <class... P>
struct without_client<types<client&, P...>> {
  using type = types<P...>;
};

template <bool Client, class F, class... Passed>
struct call_result {
  static constexpr bool fits = std::is_invocable_v<F&, Passed...>;
  using type = std::invoke_result<F&, Passed...>;
};
template <class F, class... Passed>
struct call_result<true, F, Passed...> {
  static constexpr bool fits = std::is_invocable_v<F&, client&, Passed...>;
  using type = std::invoke_result<F&, client&, Passed...>;
};

/// How F is called with arguments A; refused calls have a `result` of nothing, so that no second error follows.
template <class F, bool Client, class Parameters, class... A>
struct plan {
  static constexpr bool arity = false, mutates = false, fits = false, encodes = true;
  using result = nothing;
};
template <class F, bool Client, class... P, class... A>
  requires(sizeof...(P) == sizeof...(A))
struct plan<F, Client, types<P...>, A...> {
  static constexpr bool arity = true;
  static constexpr bool mutates =
      ((std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>) || ...);
  using arguments = std::tuple<typename argument_of<P, A>::type...>;
  using called = call_result<Client, F, typename argument_of<P, A>::type::passed...>;
  static constexpr bool fits = called::fits && (argument_of<P, A>::type::template accepts<A> && ...);
  using returned = typename std::conditional_t<fits, typename called::type, std::type_identity<nothing>>::type;
  using result = typename unwrapped<std::decay_t<returned>>::type;
  static constexpr bool waits = is_of<std::decay_t<returned>, task>;
  static constexpr bool lasting = (argument_of<P, A>::type::lasting && ...);
  static constexpr bool encodes = (argument_of<P, A>::type::encodes && ...);
  static constexpr bool vectors = (is_futures<A> || ...);
  static constexpr std::size_t inputs = (argument_of<P, A>::type::inputs + ... + 0);
};
template <class F, class... A>
using plan_for = plan<F, wants_client<decltype(parameters_of<F, A...>())>,
                      typename without_client<decltype(parameters_of<F, A...>())>::type, A...>;

// ---- nodes that call ----------------------------------------------------------------------------------------------

/// The part of a node whose function is a coroutine.
template <class T>
struct coroutine_part : completion {
  explicit coroutine_part(engine& e) noexcept : completion{&coroutine_part::on_end}, home(&e), stop(e) {}

  /// Starts it here. It may end at once, or wait.
  run_result begin(task<T> t, value_node<T>& n, std::exception_ptr& error) noexcept {
    of = &n;
    stop.of = &n;
    handle = t.release();
    phase.store(running, std::memory_order_relaxed);
    promise<T>& p = handle.promise();
    p.on_finished = this;
    p.end = ending::call;
    p.stop = &stop;
    p.band = band_of(*home);
    if (n.stop_asked()) stop.request_stop();
    handle.resume();
    if (phase.load(std::memory_order_acquire) == ended) return take(error);
    engine& e = *home;
    coroutine_waits(n);
    if (phase.exchange(left, std::memory_order_acq_rel) != ended) return run_result::suspended;
    coroutine_did_not_wait(e);
    return take(error);
  }

 private:
  enum : std::uint8_t { running, ended, left };

  static std::coroutine_handle<> on_end(completion& c, promise_base&) noexcept {
    auto& self = static_cast<coroutine_part&>(c);
    if (self.phase.exchange(ended, std::memory_order_acq_rel) == left) {
      std::exception_ptr error;
      const run_result how = self.take(error);
      node_ended(*self.of, how, std::move(error));
    }
    return std::noop_coroutine();
  }
  run_result take(std::exception_ptr& error) noexcept {
    run_result how = run_result::value;
    try {
      if constexpr (std::is_void_v<T>)
        handle.promise().take();
      else
        std::construct_at(std::addressof(of->value), handle.promise().take());
    } catch (...) {
      error = std::current_exception();
      how = run_result::error;
    }
    std::exchange(handle, nullptr).destroy();
    return how;
  }

  engine* home;
  value_node<T>* of = nullptr;
  std::coroutine_handle<promise<T>> handle;
  std::atomic<std::uint8_t> phase{running};

 public:
  node_stop stop;
};

struct no_part {
  explicit no_part(engine&) noexcept {}
};

/// Room for a client that is made when the task begins; weft/client.hpp defines it.
struct no_client {};
template <class Client>
struct client_part {
  std::optional<Client> within;
};

/// Arguments, which may end before their node does. Without state they take no room.
template <class Arguments>
struct argument_store {
  template <class... Given>
  explicit argument_store(Given&&... given) : arguments(std::forward<Given>(given)...) {}
  ~argument_store() {}
  void end() noexcept { std::destroy_at(std::addressof(arguments)); }
  union {
    Arguments arguments;
  };
};
template <class Arguments>
  requires std::is_empty_v<Arguments>
struct argument_store<Arguments> {
  template <class... Given>
  explicit argument_store(Given&&... given) noexcept : arguments(std::forward<Given>(given)...) {}
  void end() noexcept {}
  [[no_unique_address]] Arguments arguments;
};

template <class F>
void encode_callable(encoder& e, const F& f) {
  if constexpr (is_function_pointer<F>)
    encode_function(e, reinterpret_cast<const void*>(f));
  else
    weft::encode(e, f);
}
template <class F>
F decode_callable(decoder& d) {
  if constexpr (is_function_pointer<F>)
    return reinterpret_cast<F>(const_cast<void*>(decode_function(d)));
  else
    return weft::decode<F>(d);
}

/// One submitted call: the function, its arguments, and its result.
template <class F, bool Client, class Parameters, class... A>
struct call_node;
template <class F, bool Client, class... P, class... A>
struct call_node<F, Client, types<P...>, A...> final
    : value_node<typename plan<F, Client, types<P...>, A...>::result> {
  using how = plan<F, Client, types<P...>, A...>;
  using T = typename how::result;
  using client_type = std::conditional_t<Client, client, nothing>;

  template <class... Given>
  call_node(engine& e, F f, Given&&... given)
      : value_node<T>(type, e), part(e), given_(std::forward<Given>(given)...), function(std::move(f)) {
    // Arguments for futures have not taken them, so they are there still.
    if constexpr (how::vectors) {
      this->input_count = static_cast<std::uint32_t>(first_input<sizeof...(A)>());
      edges = std::make_unique<edge[]>(this->input_count);
      this->inputs = edges.get();
    } else {
      this->input_count = static_cast<std::uint32_t>(how::inputs);
      this->inputs = edges.data();
    }
    [[maybe_unused]] edge* at = this->inputs;
    (take_inputs(at, std::forward<Given>(given)), ...);
  }
  ~call_node() {}  // end_arguments has destroyed what is in the unions

  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* p, std::size_t size) noexcept { release_frame(p, size); }

  /// Of a call that came from another process. The inputs are not there yet.
  struct decoded {
    F function;
    typename how::arguments arguments;
  };
  call_node(engine& e, decoded&& from)
      : value_node<T>(type, e), part(e), given_(std::move(from.arguments)), function(std::move(from.function)) {
    if constexpr (how::vectors) {
      this->input_count = static_cast<std::uint32_t>(first_input<sizeof...(A)>());
      edges = std::make_unique<edge[]>(this->input_count);
      this->inputs = edges.get();
    } else {
      this->input_count = static_cast<std::uint32_t>(how::inputs);
      this->inputs = edges.data();
    }
  }
  static node* make(engine& e, decoder& d, input_source& s) {
    // Braces: from left to right.
    decoded from{decode_callable<F>(d), typename how::arguments{argument_of<P, A>::type::decode(d)...}};
    std::size_t inputs = 0;
    std::apply([&](const auto&... a) { ((inputs += a.input_count()), ...); }, from.arguments);
    if (inputs != s.left()) d.fail("a call", "it has another number of inputs than its arguments want");
    auto* n = new call_node(e, std::move(from));
    try {
      [[maybe_unused]] edge* at = n->inputs;
      std::apply([&](const auto&... a) { (a.take(at, s), ...); }, n->given_.arguments);
    } catch (...) {
      abandon_node(*n);
      throw;
    }
    return n;
  }
  static inline const portable_entry entry{&call_node::make};

 private:
  static void encode(const node& n, encoder& e) {
    const auto& self = static_cast<const call_node&>(n);
    encode_callable(e, self.function);
    std::apply([&](const auto&... a) { (a.encode(e), ...); }, self.given_.arguments);
  }

  template <std::size_t I>
  std::size_t first_input() const noexcept {
    return [&]<std::size_t... J>(std::index_sequence<J...>) -> std::size_t {
      return (std::size_t{std::get<J>(given_.arguments).input_count()} + ... + 0);
    }(std::make_index_sequence<I>{});
  }

  decltype(auto) call(bool last) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) -> decltype(auto) {
      if constexpr (Client)
        return std::invoke(function, *own_client.within,
                           std::get<I>(given_.arguments).pass(this->inputs + first_input<I>(), last)...);
      else
        return std::invoke(function, std::get<I>(given_.arguments).pass(this->inputs + first_input<I>(), last)...);
    }(std::index_sequence_for<A...>{});
  }

  static run_result run(node& n, bool last, std::exception_ptr& error) noexcept {
    auto& self = static_cast<call_node&>(n);
    try {
      if constexpr (Client) self.own_client.within.emplace(client_type::within(n));
      if constexpr (how::waits) {
        return self.part.begin(self.call(last), self, error);
      } else if constexpr (std::is_void_v<T>) {
        self.call(last);
      } else {
        ::new (static_cast<void*>(std::addressof(self.value))) T(self.call(last));
      }
      return run_result::value;
    } catch (...) {
      error = std::current_exception();
      return run_result::error;
    }
  }
  static void end_arguments(node& n) noexcept {
    auto& self = static_cast<call_node&>(n);
    std::destroy_at(std::addressof(self.function));
    self.given_.end();
    if constexpr (Client) self.own_client.within.reset();
  }
  static void release(node& n) noexcept { delete static_cast<call_node*>(&n); }
  static void stop(node& n) noexcept {
    if constexpr (how::waits) static_cast<call_node&>(n).part.stop.request_stop();
  }
  static void settle(node& n) noexcept {
    if constexpr (how::waits) {
      auto& self = static_cast<call_node&>(n);
      std::destroy_at(&self.part.stop);
      std::construct_at(&self.part.stop, *n.home);
    }
  }
  /// Whether a second run gives the same, as far as the types can tell.
  static constexpr bool remakes = !how::waits && !Client && how::lasting && how::inputs == 0 && !std::is_void_v<T> &&
                                  std::is_invocable_v<const F&, typename argument_of<P, A>::type::passed...>;
  static std::size_t kept_bytes(const node& n) {
    if constexpr (remakes) {
      const auto& self = static_cast<const call_node&>(n);
      std::size_t function_bytes = 0;
      if constexpr (encodable<F>) function_bytes = owned_bytes(self.function);
      return std::apply([&](const auto&... a) { return (owned_bytes(a.value) + ... + function_bytes); },
                        self.given_.arguments);
    } else {
      return 0;
    }
  }
  static const void* function_address(const node& n) noexcept {
    if constexpr (is_function_pointer<F>)
      return reinterpret_cast<const void*>(static_cast<const call_node&>(n).function);
    else
      return nullptr;
  }
  static std::string function_name(const node& n) {
    if constexpr (is_function_pointer<F>)
      return name_of_function(reinterpret_cast<const void*>(static_cast<const call_node&>(n).function));
    else
      return std::string(type_name<F>());
  }

  /// In another process it is a call of what is kept of the arguments here.
  using elsewhere = call_node<F, Client, types<P...>, typename portable_argument<P, A>::type...>;
  static constexpr portable_call portable{
      .entry = &elsewhere::entry, .encode = &call_node::encode, .waits = how::waits, .submits = Client};
  static const portable_call* as_portable(const node&) noexcept { return &portable; }
  static constexpr node_type type{.run = &call_node::run,
                                  .end_arguments = &call_node::end_arguments,
                                  .release = &call_node::release,
                                  .stop = how::waits ? &call_node::stop : nullptr,
                                  .settle = how::waits ? &call_node::settle : nullptr,
                                  .function_name = &call_node::function_name,
                                  .value = &value_functions<T>::type,
                                  .repeatable = how::lasting,
                                  .kept_bytes = remakes ? &call_node::kept_bytes : nullptr,
                                  .function = is_function_pointer<F> ? &call_node::function_address : nullptr,
                                  .portable = &call_node::as_portable};

  [[no_unique_address]] std::conditional_t<how::waits, coroutine_part<T>, no_part> part;
  [[no_unique_address]] std::conditional_t<Client, client_part<client_type>, no_client> own_client;
  [[no_unique_address]] argument_store<typename how::arguments> given_;
  union {
    [[no_unique_address]] F function;
  };
  [[no_unique_address]] std::conditional_t<how::vectors, std::unique_ptr<edge[]>, std::array<edge, how::inputs>>
      edges;
};

template <class F, class... A>
using call_node_for = call_node<F, wants_client<decltype(parameters_of<F, A...>())>,
                                typename without_client<decltype(parameters_of<F, A...>())>::type, A...>;

}  // namespace weft::detail
