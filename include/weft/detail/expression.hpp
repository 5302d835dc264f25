#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/detail/call.hpp"
#include "weft/detail/frame.hpp"
#include "weft/detail/node.hpp"

namespace weft {
struct task_options;
}

namespace weft::detail {

class gathering;
class fused_calls;
struct expression;

/// What a lazy call takes from elsewhere: the value of another lazy call, or of a future. A counted pointer that its
/// expression releases by hand; the lowest bit tells which.
class expression_input {
 public:
  expression_input() noexcept = default;
  explicit expression_input(expression& e) noexcept : bits_(reinterpret_cast<std::uintptr_t>(&e)) {}
  explicit expression_input(node& n) noexcept : bits_(reinterpret_cast<std::uintptr_t>(&n) | 1) {}
  expression* call() const noexcept { return bits_ & 1 ? nullptr : reinterpret_cast<expression*>(bits_); }
  node* future() const noexcept { return bits_ & 1 ? reinterpret_cast<node*>(bits_ & ~std::uintptr_t{1}) : nullptr; }

 private:
  std::uintptr_t bits_ = 0;
};

/// What is the same for all lazy calls of one function.
struct expression_type {
  node_type task;  // of the nodes that call it; without `run` it stands for a future, its only input
  /// A node that calls `call`, of which it takes a reference, after `before`, which it owns then. Without a call:
  /// room for a value.
  node* (*make)(engine&, expression* call, fused_calls* before, std::uint32_t inputs);
  /// Puts the value into the node, or for a coroutine the task into `task`, a std::optional of it.
  void (*call)(expression&, node& into, client* within, const edge* inputs, bool last, void* task);
  void (*end)(expression&) noexcept;  // destroys it, but for its inputs
  std::string (*name)(const void* address);
  bool fuses;                   // no coroutine, and takes no client: it may be called among others in one task
  portable_call portable = {};  // of the nodes that call it alone
  /// What its arguments take that are no inputs; null where a second call does not give the same.
  std::size_t (*kept_bytes)(const expression&) = nullptr;
};

/// A call that has not been asked for: a function, its arguments, and what it takes from other calls.
///
/// Two counts. Holders keep what it is made of: every lazy, and every call that takes its value. References keep the
/// function and the arguments: the holders together have one, and every task made from it one. So a graph that nobody
/// holds any more is taken apart while its tasks run, and each argument ends with the last task that needs it.
///
/// No cycle can come to be: a call is made after its inputs, which do not change any more.
struct expression {
  explicit expression(const expression_type& t) noexcept : type(&t) {}
  expression(const expression&) = delete;
  expression& operator=(const expression&) = delete;

  const expression_type* type;
  std::atomic<std::uint32_t> holders{1}, references{1};
  expression_input* inputs = nullptr;
  std::uint32_t input_count = 0;
  std::uint32_t id = 0;  // its claimer's
  /// Who walks through the graph just now. Another one at the same time keeps a table instead.
  std::atomic<gathering*> claimed{nullptr};
  const void* address = nullptr;    // of a plain function, for its name
  task_details* details = nullptr;  // counted; null when it has no name
  std::int16_t priority = 0;
  std::uint16_t retries = 0;
  bool annotated = false;  // priority and retries are set, and not the client's
  bool cheap = false;
};

inline void add_holder(expression& e) noexcept { e.holders.fetch_add(1, std::memory_order_relaxed); }
/// Takes the graph apart, without recursion, as far as nobody else holds it.
void drop_holder(expression& e) noexcept;
void drop_call(expression& e) noexcept;
/// Whether nobody but the caller can call it any more: its arguments may be moved from.
inline bool last_call(const expression& e) noexcept {
  return e.holders.load(std::memory_order_acquire) == 0 && e.references.load(std::memory_order_acquire) == 1;
}
inline bool is_call(const expression& e) noexcept { return e.type->task.run != nullptr; }

void name_expression(expression& e, std::string_view name);
void annotate_expression(expression& e, const task_options& options);
void make_cheap(expression& e);
[[noreturn]] void throw_empty_input(bool future);

/// The part of a node that calls expressions. Its name is of the function that failed, when one did that is not the
/// last: written by who runs it, read by any thread.
struct call_part {
  call_part(expression* c, fused_calls* f) noexcept : call(c), before(f) { name_after(c); }
  void name_after(const expression* c) noexcept {
    if (!c) return;
    address.store(c->address, std::memory_order_relaxed);
    called.store(c->type, std::memory_order_release);
  }
  std::string name() const {
    const expression_type* t = called.load(std::memory_order_acquire);
    return t->name(address.load(std::memory_order_relaxed));
  }

  expression* call;     // counted; null when it has been called
  fused_calls* before;  // owned; null for most
  std::atomic<const expression_type*> called{nullptr};
  std::atomic<const void*> address{nullptr};
};

/// Makes the values that the last call of a fused group takes, and says where they are. False: it was asked to stop.
bool run_before(call_part& part, node& n, bool last, const edge*& inputs);
/// Lets go of these values.
void after_run(fused_calls& f) noexcept;
void end_fused(fused_calls* f) noexcept;
/// What the arguments take of a call and of those before it, if there are any; most where they cannot be called
/// again.
std::size_t kept_bytes_of(const call_part& part);

/// A task made from an expression, or room for a value among fused ones.
template <class T, bool Waits, bool Client>
struct computed_node final : value_node<T>, call_part {
  using client_type = std::conditional_t<Client, client, nothing>;

  static node* make(const node_type& type, engine& e, expression* call, fused_calls* before, std::uint32_t inputs) {
    const std::size_t size = size_for(inputs);
    auto* n = ::new (allocate_frame(size)) computed_node(type, e, call, before);
    auto* edges = reinterpret_cast<edge*>(reinterpret_cast<std::byte*>(n) + sizeof(computed_node));
    std::uninitialized_value_construct_n(edges, inputs);
    n->inputs = edges;
    n->input_count = inputs;
    return n;
  }

  static run_result run(node& n, bool last, std::exception_ptr& error) noexcept {
    auto& self = static_cast<computed_node&>(n);
    try {
      const edge* from = n.inputs;
      if (self.before && !run_before(self, n, last, from)) return run_result::error;
      client* within = nullptr;
      if constexpr (Client) within = &self.own_client.within.emplace(client_type::within(n));
      expression& e = *self.call;
      last = last && last_call(e);
      if constexpr (Waits) {
        std::optional<task<T>> started;
        e.type->call(e, n, within, from, last, &started);
        return self.part.begin(std::move(*started), self, error);
      } else {
        e.type->call(e, n, within, from, last, nullptr);
        if (self.before) after_run(*self.before);
        return run_result::value;
      }
    } catch (...) {
      error = std::current_exception();
      if (self.before) after_run(*self.before);
      return run_result::error;
    }
  }
  static void end_arguments(node& n) noexcept {
    auto& self = static_cast<computed_node&>(n);
    if (self.before) end_fused(std::exchange(self.before, nullptr));
    if (self.call) drop_call(*std::exchange(self.call, nullptr));
    if constexpr (Client) self.own_client.within.reset();
  }
  static std::size_t kept_bytes(const node& n) {
    return n.input_count == 0 ? kept_bytes_of(static_cast<const computed_node&>(n)) : ~std::size_t{0};
  }
  static void release(node& n) noexcept {
    auto* self = static_cast<computed_node*>(&n);
    const std::size_t size = size_for(n.input_count);
    std::destroy_at(self);
    release_frame(self, size);
  }
  static void stop(node& n) noexcept {
    if constexpr (Waits) static_cast<computed_node&>(n).part.stop.request_stop();
  }
  static void settle(node& n) noexcept {
    if constexpr (Waits) {
      auto& self = static_cast<computed_node&>(n);
      std::destroy_at(&self.part.stop);
      std::construct_at(&self.part.stop, *n.home);
    }
  }
  static std::string function_name(const node& n) { return static_cast<const computed_node&>(n).name(); }
  static const portable_call* as_portable(const node& n) noexcept {
    const auto& self = static_cast<const computed_node&>(n);
    return self.call && !self.before ? &self.call->type->portable : nullptr;
  }

  static constexpr node_type type_for(bool lasting) noexcept {
    return {.run = &computed_node::run,
            .end_arguments = &computed_node::end_arguments,
            .release = &computed_node::release,
            .stop = Waits ? &computed_node::stop : nullptr,
            .settle = Waits ? &computed_node::settle : nullptr,
            .function_name = &computed_node::function_name,
            .value = &value_functions<T>::type,
            .repeatable = lasting,
            .kept_bytes = Waits || Client || std::is_void_v<T> ? nullptr : &computed_node::kept_bytes,
            .portable = &computed_node::as_portable};
  }

 private:
  computed_node(const node_type& t, engine& e, expression* c, fused_calls* b) noexcept
      : value_node<T>(t, e), call_part(c, b), part(e) {
    if (c)
      c->references.fetch_add(1, std::memory_order_relaxed);
    else
      this->has_arguments = false;
  }
  static constexpr std::size_t size_for(std::uint32_t inputs) noexcept {
    return sizeof(computed_node) + inputs * sizeof(edge);
  }

  [[no_unique_address]] std::conditional_t<Waits, coroutine_part<T>, no_part> part;
  [[no_unique_address]] std::conditional_t<Client, client_part<client_type>, no_client> own_client;
};

}  // namespace weft::detail
