#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/codec.hpp"
#include "weft/detail/frame.hpp"
#include "weft/detail/portable.hpp"
#include "weft/detail/results.hpp"

namespace weft::detail {

class engine;
class stored_value;
struct failure;
struct node;
struct node_request;
struct task_details;

/// Who waits for a node: an input of another node, or an operation that awaits it.
struct dependent {
  dependent* next = nullptr;
  node* to = nullptr;  // the node that waits; null: a waiter
};

/// An operation that awaits a node.
struct waiter : dependent {
  explicit waiter(void (*w)(waiter&) noexcept) noexcept : wake(w) {}
  void (*wake)(waiter&) noexcept;  // called once, on any thread; the waiter may be gone when it returns
  bool linked = false;             // both under the lock of the node's list
  bool withdrawn = false;
};

/// An input of a node: the node whose value it takes.
struct edge : dependent {
  node* from = nullptr;
};

/// A task's life: pending (its inputs are not done, or it waits for its turn), running, and one of three ends. One
/// that ended before it began, and is to be run, is `again` until it has left where it waited.
enum class node_state : std::uint8_t { pending, running, done, failed, cancelled, again };

/// How a run of a node's function ended; a coroutine that waits says `suspended`, and ends by node_ended().
enum class run_result : std::uint8_t { value, error, suspended };

/// What the engine and the store need to know of a type of values.
struct value_type {
  bool small;                         // it owns no memory worth counting
  std::size_t (*bytes)(const node&);  // owned, on the heap too
  void (*end)(node&) noexcept;        // destroys it
  void (*encode)(const node&, encoder&);
  void (*decode)(node&, decoder&);
  std::uint64_t (*schema)() noexcept;
  void (*received)(node&) noexcept = nullptr;  // after decode, when attachments that were deferred have come
  bool copies = false;                         // it can be copied, so that an await may share it
};

/// What is the same for all nodes of one function.
struct node_type {
  /// Calls the function. With `last`, its arguments may be moved from.
  run_result (*run)(node&, bool last, std::exception_ptr& error) noexcept;
  /// Destroys the function and its arguments, not the inputs.
  void (*end_arguments)(node&) noexcept;
  void (*release)(node&) noexcept;  // the memory
  void (*stop)(node&) noexcept;     // asks a running one to stop; null when it cannot be asked
  void (*settle)(node&) noexcept;   // after its end, when nobody asks any more; null when there is nothing to do
  std::string (*function_name)(const node&);
  const value_type* value;
  bool repeatable;  // a run leaves the arguments as they were
  /// What the arguments take, where a run needs nothing else, and leaves them as they were: if that is little they
  /// are kept, to make the value again. Null where it needs more.
  std::size_t (*kept_bytes)(const node&) = nullptr;
  std::uint64_t (*result_bytes)(const node&) noexcept = nullptr;  // what the function says that its result will take
  const void* (*function)(const node&) noexcept = nullptr;  // its address, where nodes of this type call several
  // How it is called in another process; null: it runs nowhere but here.
  const portable_call* (*portable)(const node&) noexcept = nullptr;
  // Of the tasks of layers, whose dependents do not wait in the list, and whose inputs come late; null for others.
  // After those in the list were told: gives the best of `best` and what became ready.
  node* (*closed)(node&, node* best) noexcept = nullptr;
  void (*uses)(const node&, std::vector<std::uint64_t>& ranks) = nullptr;  // of the tasks that will take its value
  std::string (*subject)(const node&) = nullptr;  // what of a whole it is at work on; null: nobody has said
  // Of a layer's tasks: whether nobody wants the computation any more that it is a part of.
  bool (*given_up)(const node&) noexcept = nullptr;
};

/// A task of the engine, from its submission on, and then its result: what a future refers to.
///
/// `counts` holds two numbers. References keep the memory: every handle, every dependent that has not ended, and
/// the engine until the node has ended and has left its queues. Wants keep the work: handles and dependents. A node
/// that nobody wants any more before it has begun is cancelled, and stops wanting its own inputs. So does one that
/// fails before it has begun; since it may be run again, `given_up` tells who would move an input's value away to say
/// so (`taken`), which forbids that. A value whose cluster may ask for it again is marked in the same way. So does
/// who takes a value that a worker has `lent`: it has a handle besides, for those who may ask for the value, and gets
/// no other once it is taken.
///
/// `dependents` is a stack of those who wait, closed when the node ends. Its lowest bit locks it, for what cannot be
/// done by one compare-and-swap: waiters come and go under that lock.
struct node {
  static constexpr std::uint64_t one_reference = 1, one_want = std::uint64_t{1} << 32;
  static constexpr std::uint64_t given_up = std::uint64_t{1} << 62, taken = std::uint64_t{1} << 63;
  static constexpr std::uintptr_t locked = 1, closed = 2;
  /// `poisoned`: an input failed or was cancelled, of a layer's task. `inside`: it has ended, and the
  /// engine is not through with it: it waits in queues or in the lists of its inputs still, the last of which drops
  /// the engine's reference. `refused`: it has failed, and `why` is set. `cleaned`: it has nothing more to give back.
  /// `remote`: a task of a cluster: the engine keeps its books, and another process runs it; its memory keeps the
  /// engine. `lent`: one of the handles is the tracker's, who lends the value to the last task that takes it; that
  /// has `may_take`, for all its inputs: it may also take one that was lent to another, which came back, and that is
  /// needed again. Such a value is made anew, which is rare, and costs less than to keep what is lent to whom.
  enum mark : std::uint8_t {
    poisoned = 1,
    inside = 2,
    refused = 4,
    cleaned = 8,
    remote = 16,
    lent = 32,
    may_take = 64
  };

  node(const node_type& t, engine& e) noexcept : type(&t), home(&e) {}
  node(const node&) = delete;
  node& operator=(const node&) = delete;
  ~node() = default;

  bool ended() const noexcept { return dependents.load(std::memory_order_acquire) == closed; }
  bool is(node_state s) const noexcept { return state.load(std::memory_order_acquire) == s; }
  bool has(mark m) const noexcept { return (marks.load(std::memory_order_relaxed) & m) != 0; }
  void add(int m) noexcept { marks.fetch_or(static_cast<std::uint8_t>(m), std::memory_order_acq_rel); }
  /// Whether any was there.
  bool remove(int m) noexcept {
    return (marks.fetch_and(static_cast<std::uint8_t>(~m), std::memory_order_acq_rel) & m) != 0;
  }
  bool was_given_up() const noexcept { return (counts.load(std::memory_order_relaxed) & given_up) != 0; }
  static std::uint32_t wants(std::uint64_t counts) noexcept {
    return static_cast<std::uint32_t>((counts & (given_up - 1)) >> 32);
  }

  bool stop_asked() const noexcept { return stopped.load(std::memory_order_seq_cst) != stop_reason::none; }
  void ask_stop() noexcept {
    stop_reason before = stop_reason::none;
    stopped.compare_exchange_strong(before, stop_reason::asked, std::memory_order_seq_cst);
  }
  bool timed_out() const noexcept { return stopped.load(std::memory_order_seq_cst) == stop_reason::time; }
  void time_out() noexcept { stopped.store(stop_reason::time, std::memory_order_seq_cst); }

  const node_type* type;
  engine* home;
  std::atomic<std::uintptr_t> dependents{0};
  std::atomic<std::uint64_t> counts{one_reference};  // the engine's
  std::uint64_t rank = 0;                            // the smaller, the sooner
  std::uint64_t number = 0;                          // in the order of submission
  edge* inputs = nullptr;
  std::uint32_t input_count = 0;
  std::atomic<std::uint32_t> waits_for{1};  // inputs that have not ended, and the submission itself
  task_details* details = nullptr;          // counted; null for most
  union {
    failure* why;                     // failed: counted
    stored_value* stored;             // done: what the store knows of the value; null when it does not
    node_request* request = nullptr;  // before: what it has asked of the store; null when it has not
  };
  std::atomic<node_state> state{node_state::pending};
  std::atomic<std::uint8_t> marks{0};
  enum class stop_reason : std::uint8_t { none, asked, time };
  std::atomic<stop_reason> stopped{stop_reason::none};
  // In bytes of their own: who ends the node before it begins writes the first, the store the second, the runner the
  // rest.
  bool inputs_wanted = true;
  bool has_value = false;
  bool has_arguments : 1 = true;
  bool holds_resources : 1 = false;
  bool consumed : 1 = false;  // a run has moved its arguments away
  bool tracked : 1 = false;   // the engine's tracker is told of it
  std::uint16_t retries = 0;  // attempts left after the next
};

/// A node that has a value of type T.
template <class T>
struct value_node : node {
  static_assert(alignof(T) <= 16,
                "weft: the result of a task may be aligned to 16 bytes at most: return it in a std::unique_ptr");
  value_node(const node_type& t, engine& e) noexcept : node(t, e) {}
  ~value_node() {}
  union {
    T value;
  };
};
template <>
struct value_node<void> : node {
  using node::node;
};

/// A type that looks at what has come in its attachments has `void weft_received(T&) noexcept` beside it.
template <class T>
constexpr auto receiver_of() noexcept -> void (*)(node&) noexcept {
  if constexpr (requires(T& x) { weft_received(x); })
    return [](node& n) noexcept { weft_received(static_cast<value_node<T>&>(n).value); };
  else
    return nullptr;
}

template <class T>
struct value_functions {
  static T& of(node& n) noexcept { return static_cast<value_node<T>&>(n).value; }
  static const T& of(const node& n) noexcept { return static_cast<const value_node<T>&>(n).value; }
  static std::size_t bytes(const node& n) { return owned_bytes(of(n)); }
  static void end(node& n) noexcept { std::destroy_at(std::addressof(of(n))); }
  static void encode(const node& n, encoder& e) { weft::encode(e, of(n)); }
  static void decode(node& n, decoder& d) { ::new (static_cast<void*>(std::addressof(of(n)))) T(weft::decode<T>(d)); }
  static constexpr value_type type{.small = std::is_trivially_copyable_v<T> && sizeof(T) < 256,
                                   .bytes = &value_functions::bytes,
                                   .end = &value_functions::end,
                                   .encode = &value_functions::encode,
                                   .decode = &value_functions::decode,
                                   .schema = []() noexcept { return schema_hash<T>(); },
                                   .received = receiver_of<T>(),
                                   .copies = std::is_copy_constructible_v<T>};
};
template <>
struct value_functions<void> {
  static constexpr value_type type{.small = true,
                                   .bytes = [](const node&) { return std::size_t{0}; },
                                   .end = [](node&) noexcept {},
                                   .encode = [](const node&, encoder&) {},
                                   .decode = [](node&, decoder&) {},
                                   .schema = []() noexcept { return std::uint64_t{0}; }};
};

template <class T>
inline constexpr bool travels = encodable<T>;

/// A node whose value comes from another process: it never runs here.
template <class T>
struct remote_node final : value_node<T> {
  explicit remote_node(engine& e) : value_node<T>(type, e) { this->has_arguments = false; }
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* p, std::size_t size) noexcept { release_frame(p, size); }
  static constexpr node_type type{.run = nullptr,
                                  .end_arguments = nullptr,
                                  .release = [](node& n) noexcept { delete static_cast<remote_node*>(&n); },
                                  .stop = nullptr,
                                  .settle = nullptr,
                                  .function_name = [](const node&) { return std::string("value"); },
                                  .value = &value_functions<T>::type,
                                  .repeatable = false};
  static constexpr remote_type as_input{.make = [](engine& e) -> node* { return new remote_node(e); },
                                        .value = &value_functions<T>::type};
};

/// A node that was never a task: a value that is there from the beginning.
template <class T>
struct plain_node final : value_node<T> {
  plain_node(engine& e, T v) : value_node<T>(type, e) {
    std::construct_at(std::addressof(this->value), std::move(v));
    this->has_arguments = false;
    this->has_value = true;
  }
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* p, std::size_t size) noexcept { release_frame(p, size); }

 private:
  static node* make(engine& e, decoder& d, input_source&) { return new plain_node(e, weft::decode<T>(d)); }
  static void encode(const node& n, encoder& e) { weft::encode(e, static_cast<const plain_node&>(n).value); }
  static inline const portable_entry entry{&plain_node::make, &remote_node<T>::as_input};
  static constexpr portable_call call{
      .entry = &entry, .encode = &plain_node::encode, .waits = false, .submits = false};
  static constexpr node_type type{.run = nullptr,
                                  .end_arguments = nullptr,
                                  .release = [](node& n) noexcept { delete static_cast<plain_node*>(&n); },
                                  .stop = nullptr,
                                  .settle = nullptr,
                                  .function_name = [](const node&) { return std::string("value"); },
                                  .value = &value_functions<T>::type,
                                  .repeatable = false,
                                  .portable = [](const node&) noexcept { return &call; }};
};

// ---- what the engine does for its nodes (lib/engine) -----------------------------------------------------------

/// One more handle, or one less; the last one of a task that has not begun cancels it.
inline void add_handle(node& n) noexcept {
  n.counts.fetch_add(node::one_reference | node::one_want, std::memory_order_relaxed);
}
void drop_handle(node& n) noexcept;

/// Whether nobody but the caller's handle wants a node that has ended: nobody can get a handle from elsewhere any
/// more, and the engine, which may hold a reference still, does not look at the value. The caller moves it away then.
bool take_given_up_value(node& n) noexcept;
inline bool sole_handle(node& n) noexcept {
  const std::uint64_t counts = n.counts.load(std::memory_order_acquire);
  return counts >> 32 == 1 || (node::wants(counts) == 1 && take_given_up_value(n));
}
void cancel_node(node& n) noexcept;
void retry_node(engine& e, node& n);
[[noreturn]] void throw_empty_future();
[[noreturn]] void throw_lost_value(const node& n, const std::exception_ptr& error);
/// Takes the caller's handle over, and lets go of it when the node has ended. A failure of which nobody else can
/// learn comes out of the pool's drain().
void keep_until_ended(engine& e, node* n);
std::string key_of(const node& n);
[[noreturn]] void throw_shared_value();
std::string readable_type(const char* mangled);

/// A coroutine that had been suspended has ended.
void node_ended(node& n, run_result how, std::exception_ptr error) noexcept;

/// What an await of the node throws; it has failed or was cancelled.
[[noreturn]] void throw_failure(const node& n);

/// What keeps a value in memory while somebody reads it; null where the value is not the store's.
class value_access;
/// Asks for it, of a node that is done. True: it is there, in `out`. False: `w` will be woken when it is.
/// `exclusive`: the value will be moved from.
bool begin_access(node& n, bool exclusive, waiter& w, std::atomic<value_access*>& out,
                  const std::atomic<bool>& stopped);
void end_access(value_access* a) noexcept;
/// Why the value could not be brought back; null when it could.
std::exception_ptr error_of(const value_access* a) noexcept;
/// Withdraws what begin_access asked, or will ask. True: it was asked, and the waiter will not be woken.
bool withdraw_access(value_access& a) noexcept;

/// Enters a waiter. False: the node has ended, or the waiter was withdrawn: it will not be woken.
bool add_waiter(node& n, waiter& w) noexcept;
/// True when the waiter was entered and will not be woken. Otherwise it was or will be; one that is not yet entered
/// will not be.
bool withdraw_waiter(node& n, waiter& w) noexcept;

}  // namespace weft::detail
