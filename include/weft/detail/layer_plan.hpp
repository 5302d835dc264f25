#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "weft/dependencies.hpp"
#include "weft/detail/call.hpp"
#include "weft/detail/checked_call.hpp"
#include "weft/detail/frame.hpp"
#include "weft/detail/node.hpp"

namespace weft::detail {

struct layer_spec;

/// What the tasks of a layer take of one other layer, or of their own.
class layer_link {
 public:
  explicit layer_link(layer_spec& from) noexcept : from_(&from) {}
  layer_link(const layer_link&) = delete;
  layer_link& operator=(const layer_link&) = delete;
  virtual ~layer_link() = default;

  layer_spec& from() const noexcept { return *from_; }
  /// Of the task j.
  virtual intervals inputs(std::size_t j) const noexcept = 0;
  std::size_t input_count(std::size_t j) const noexcept {
    std::size_t n = 0;
    for (const interval& i : inputs(j)) n += i.last - i.first + 1;
    return n;
  }
  /// Who takes the value of task i; `room` is where they may be put.
  virtual std::span<const interval> dependents(std::size_t i, intervals& room) const noexcept = 0;
  /// Every task has an input here, and every task of the other layer is taken.
  virtual bool complete() const noexcept = 0;
  /// Before the first call of dependents().
  virtual void prepare() {}

 private:
  layer_spec* from_;
};

/// The inverse of a dependency that gives none: one after the other, for each task the intervals of those that take
/// it.
class computed_inverse {
 public:
  void build(const layer_link& link, std::size_t from, std::size_t to);
  std::span<const interval> of(std::size_t i) const noexcept {
    return std::span(intervals_).subspan(begin_[i], begin_[i + 1] - begin_[i]);
  }

 private:
  std::once_flag once_;
  std::vector<std::size_t> begin_;
  std::vector<interval> intervals_;
};

/// A layer as it was described: counted, immutable, of no client. It is `count` tasks of one function, or (with
/// `given`) values that are under way already.
struct layer_spec {
  explicit layer_spec(std::size_t n);
  layer_spec(const layer_spec&) = delete;
  layer_spec& operator=(const layer_spec&) = delete;
  virtual ~layer_spec();

  /// A node with room for so many inputs.
  virtual node& make(engine& e, std::uint32_t inputs) const = 0;
  /// One task that runs in another process: a node that needs no layer, with so many inputs of each link, behind
  /// what is shared, if that is not null. Null: it is under way already.
  virtual node* make_alone(engine& e, std::uint32_t index, std::span<const std::uint32_t> inputs,
                           const node* shared) const = 0;
  /// How such tasks travel: what the call of each begins and ends with, around its number and how many inputs each
  /// link gives it. What is `shared` is not in it. Null: they are under way already.
  virtual const portable_call* encode_alone(encoder& before, encoder& behind, bool shared) const = 0;
  /// What all of its tasks share as a value that is there already; null where its encoding takes less than `least`.
  virtual node* make_shared(engine& e, std::size_t least) const = 0;
  /// Frees one that nobody has seen.
  virtual void discard(node& n) const noexcept = 0;
  virtual std::string function_name() const = 0;
  /// What task i is at work on; empty where the function does not say it.
  virtual std::string subject_of(std::size_t) const { return {}; }

  std::atomic<std::uint32_t> references{1};
  const std::size_t count;
  std::vector<std::unique_ptr<layer_link>> links;  // each holds a reference of its layer, but for this one
  std::vector<node*> given;                        // handles
  /// When each task has its turn, where that is not the order of their numbers; else empty. For tasks with inputs.
  std::vector<std::uint32_t> turns;
  std::size_t turn_of(std::size_t i) const noexcept { return turns.empty() ? i : turns[i]; }
};

inline void add_reference(layer_spec& s) noexcept { s.references.fetch_add(1, std::memory_order_relaxed); }
/// Takes the graph of layers apart, without recursion, as far as nobody else holds it.
void drop_reference(layer_spec* s) noexcept;

/// What a node knows of the computation it belongs to; the rest of this object is the engine's.
struct layer_seat {
  const layer_spec* spec = nullptr;
  const std::atomic<bool>* over = nullptr;  // nobody wants its results any more
};

/// Stands in memory right before each node of a layer.
struct layer_place {
  layer_seat* seat;
  std::uint32_t index;
  bool told;  // its dependents have been: a retry need not. Read also while another thread writes it.
};
static_assert(sizeof(layer_place) == 16, "a node behind it is as aligned as a frame is");

inline layer_place& place_of(node& n) noexcept { return reinterpret_cast<layer_place*>(&n)[-1]; }
inline const layer_place& place_of(const node& n) noexcept { return reinterpret_cast<const layer_place*>(&n)[-1]; }

/// One that is run again after its end was told is wanted for itself.
inline bool layer_node_given_up(const node& n) noexcept {
  layer_place& place = place_of(const_cast<node&>(n));  // which an atomic_ref wants
  return place.seat->over->load(std::memory_order_relaxed) &&
         !std::atomic_ref(place.told).load(std::memory_order_relaxed);
}

// What the engine does for them (lib/engine/layer.cpp); the functions of node_type.
node* layer_node_closed(node& n, node* best) noexcept;
void layer_node_uses(const node& n, std::vector<std::uint64_t>& ranks);
void layer_node_released(const layer_place& place) noexcept;

// ---- what a layer's function is called with ----------------------------------------------------------------------

template <class T, class D>
struct layer_input;

template <class D>
inline constexpr bool gives_one = requires { requires D::single; };
template <class D>
inline constexpr bool has_inverse = requires(const D& d, std::size_t i) { d.dependents(i); };
template <class D>
inline constexpr bool is_dependency = requires(const D& d, std::size_t j) {
  { d.of(j) } -> std::convertible_to<intervals>;
};

template <class D>
class layer_link_of final : public layer_link {
 public:
  layer_link_of(layer_spec& from, std::size_t to, D how)
      : layer_link(from), how_(std::move(how)), from_count_(from.count), to_count_(to) {}
  intervals inputs(std::size_t j) const noexcept override {
    intervals found = how_.of(j);
    found.clamp(from_count_);
    return found;
  }
  std::span<const interval> dependents(std::size_t i, intervals& room) const noexcept override {
    if constexpr (has_inverse<D>) {
      room = how_.dependents(i);
      room.clamp(to_count_);
      return {room.begin(), room.size()};
    } else {
      return inverse_.of(i);
    }
  }
  bool complete() const noexcept override {
    if constexpr (requires { how_.complete(from_count_, to_count_); })
      return how_.complete(from_count_, to_count_);
    else
      return false;
  }
  void prepare() override {
    if constexpr (!has_inverse<D>) inverse_.build(*this, from_count_, to_count_);
  }

 private:
  const D how_;
  const std::size_t from_count_, to_count_;
  [[no_unique_address]] std::conditional_t<has_inverse<D>, types<>, computed_inverse> inverse_;
};

[[noreturn]] void throw_no_fit(std::size_t from, std::size_t to, const char* dependency);
[[noreturn]] void throw_empty_layer(const char* what = "a layer that refers to nothing");
/// Throws misuse when a task of a layer that takes its own values would wait for itself or a later one.
void check_earlier(const layer_link& link, std::size_t count, const char* dependency);

/// Adds the link, which keeps the other layer.
template <class D>
void link_layer(layer_spec& s, layer_spec* from, D how) {
  if (!from) throw_empty_layer();
  if constexpr (requires { how.fits(s.count, s.count); })
    if (!how.fits(from->count, s.count)) throw_no_fit(from->count, s.count, typeid(D).name());
  s.links.push_back(std::make_unique<layer_link_of<D>>(*from, s.count, std::move(how)));
  if (from != &s)
    add_reference(*from);
  else if constexpr (!requires { requires D::only_earlier; })
    check_earlier(*s.links.back(), s.count, typeid(D).name());
}

/// An argument that all tasks share.
template <class A>
struct layer_argument {
  using type = kept_t<A>;
  static constexpr bool encodes = encodable<type>;
  static constexpr std::size_t links = 0;
  using seen = const type&;    // what the function is called with
  using direct = const type&;  // the same where it takes single values as they are
  template <class Given>
  layer_argument(layer_spec&, Given&& given) : value(std::forward<Given>(given)) {}
  type value;
};
/// Values of another layer.
template <class T, class D>
struct layer_argument<layer_input<T, D>> {
  static constexpr bool encodes = true;
  static constexpr std::size_t links = 1;
  using element = T;
  using seen = values<T>;
  using direct = std::conditional_t<gives_one<D>, const T&, values<T>>;
  layer_argument(layer_spec& s, layer_input<T, D> in) { link_layer(s, in.from.get_spec(), std::move(in.how)); }
};
/// Values of earlier tasks of the same layer.
template <class T, class D>
struct own_input {
  D how;
};
template <class T, class D>
struct layer_argument<own_input<T, D>> {
  static constexpr bool encodes = true;
  static constexpr std::size_t links = 1;
  using element = T;
  using seen = values<T>;
  using direct = values<T>;
  layer_argument(layer_spec& s, own_input<T, D> in) { link_layer(s, &s, std::move(in.how)); }
};

/// A layer's function that says how large the results of its tasks are.
template <class F>
concept foretells_bytes = requires(const F& f, std::size_t i) {
  { f.result_bytes(i) } noexcept -> std::same_as<std::uint64_t>;
};

/// A layer's function that says what its tasks do, and each to what.
template <class F>
concept names_tasks = requires(const F& f, std::size_t i) {
  { f.task_name() } -> std::convertible_to<std::string>;
  { f.task_subject(i) } -> std::convertible_to<std::string>;
};

/// How a layer's function is called; `result` is nothing where it cannot be.
template <class F, class... A>
struct layer_plan {
  static constexpr bool direct = std::is_invocable_v<const F&, std::size_t, typename layer_argument<A>::direct...>;
  static constexpr bool fits =
      direct || std::is_invocable_v<const F&, std::size_t, typename layer_argument<A>::seen...>;
  template <class B>
  using passed = std::conditional_t<direct, typename layer_argument<B>::direct, typename layer_argument<B>::seen>;
  using returned = typename std::conditional_t<fits, std::invoke_result<const F&, std::size_t, passed<A>...>,
                                               std::type_identity<nothing>>::type;
  using result = typename unwrapped<std::decay_t<returned>>::type;
  static constexpr bool waits = is_of<std::decay_t<returned>, task>;
  static constexpr bool encodes = (layer_argument<A>::encodes && ...);
  static constexpr std::size_t links = (layer_argument<A>::links + ... + 0);
};

/// Whether F can be a layer's function; if not, the compiler says why in a sentence.
template <class F, class... A>
consteval bool checked_layer() {
  using how = layer_plan<F, A...>;
  constexpr bool function = checked_function<F>();
  constexpr bool fits = how::fits || !portable<F>;
  static_assert(
      fits,
      "weft: a layer's function takes the task's number, and then for each input weft::values<T> (or "
      "const T& where the dependency gives one value) and each further argument by const& or as a copy; its "
      "call operator is const");
  constexpr bool values = checked_values<how, fits>();
  return function && fits && values;
}

}  // namespace weft::detail
