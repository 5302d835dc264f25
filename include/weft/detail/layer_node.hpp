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
  /// Frees one that nobody has seen.
  virtual void discard(node& n) const noexcept = 0;
  virtual std::string function_name() const = 0;

  std::atomic<std::uint32_t> references{1};
  const std::size_t count;
  std::vector<std::unique_ptr<layer_link>> links;  // each holds a reference of its layer, but for this one
  std::vector<node*> given;                        // handles
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
  bool told;  // its dependents have been: a retry need not
};
static_assert(sizeof(layer_place) == 16, "a node behind it is as aligned as a frame is");

inline layer_place& place_of(node& n) noexcept { return reinterpret_cast<layer_place*>(&n)[-1]; }
inline const layer_place& place_of(const node& n) noexcept { return reinterpret_cast<const layer_place*>(&n)[-1]; }

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

/// Adds the link, which keeps the other layer.
template <class D>
void link_layer(layer_spec& s, layer_spec* from, D how) {
  if (!from) throw_empty_layer();
  if constexpr (requires { how.fits(s.count, s.count); })
    if (!how.fits(from->count, s.count)) throw_no_fit(from->count, s.count, typeid(D).name());
  s.links.push_back(std::make_unique<layer_link_of<D>>(*from, s.count, std::move(how)));
  if (from != &s) add_reference(*from);
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
  using seen = values<T>;
  using direct = values<T>;
  layer_argument(layer_spec& s, own_input<T, D> in) { link_layer(s, &s, std::move(in.how)); }
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

// ---- nodes -------------------------------------------------------------------------------------------------------

/// A task of a layer: behind its place, and before the edges of its inputs.
template <class T, bool Waits>
struct layer_node final : value_node<T> {
  layer_node(const node_type& t, engine& e) noexcept : value_node<T>(t, e), part(e) { this->has_arguments = false; }

  static layer_node* make(const node_type& t, engine& e, std::uint32_t inputs) {
    static_assert(alignof(layer_node) <= 16, "weft: results aligned to more than 16 bytes: return a std::unique_ptr");
    auto* block = static_cast<std::byte*>(allocate_frame(size_for(inputs)));
    ::new (static_cast<void*>(block)) layer_place{};
    auto* n = ::new (static_cast<void*>(block + sizeof(layer_place))) layer_node(t, e);
    auto* edges = reinterpret_cast<edge*>(reinterpret_cast<std::byte*>(n) + sizeof(layer_node));
    std::uninitialized_value_construct_n(edges, inputs);
    n->inputs = edges;
    n->input_count = inputs;
    return n;
  }
  void free() noexcept {
    const std::size_t size = size_for(this->input_count);
    std::destroy_at(this);
    release_frame(&place_of(*this), size);
  }
  static void release(node& n) noexcept {
    const layer_place place = place_of(n);
    static_cast<layer_node&>(n).free();
    layer_node_released(place);
  }
  static void stop(node& n) noexcept {
    if constexpr (Waits) static_cast<layer_node&>(n).part.stop.request_stop();
  }
  static void settle(node& n) noexcept {
    if constexpr (Waits) {
      auto& self = static_cast<layer_node&>(n);
      std::destroy_at(&self.part.stop);
      std::construct_at(&self.part.stop, *n.home);
    }
  }

  [[no_unique_address]] std::conditional_t<Waits, coroutine_part<T>, no_part> part;

 private:
  static constexpr std::size_t size_for(std::uint32_t inputs) noexcept {
    return sizeof(layer_place) + sizeof(layer_node) + inputs * sizeof(edge);
  }
};

/// A layer with its function and what the tasks share.
template <class F, class... A>
class layer_call final : public layer_spec {
 public:
  using how = layer_plan<F, A...>;
  using T = typename how::result;
  using task_node = layer_node<T, how::waits>;

  template <class... Given>
  layer_call(std::size_t n, F f, Given&&... what)
      : layer_spec(n), function_(std::move(f)), arguments_{layer_argument<A>(*this, std::forward<Given>(what))...} {}

  node& make(engine& e, std::uint32_t inputs) const override { return *task_node::make(type, e, inputs); }
  void discard(node& n) const noexcept override { static_cast<task_node&>(n).free(); }
  static const void* function_address(const node& n) noexcept {
    if constexpr (is_function_pointer<F>)
      return reinterpret_cast<const void*>(static_cast<const layer_call&>(*place_of(n).seat->spec).function_);
    else
      return nullptr;
  }
  std::string function_name() const override {
    if constexpr (is_function_pointer<F>)
      return name_of_function(reinterpret_cast<const void*>(function_));
    else
      return std::string(type_name<F>());
  }

 private:
  using begins = std::array<std::size_t, how::links + 1>;

  template <std::size_t I>
  static constexpr std::size_t links_before() noexcept {
    constexpr std::array<std::size_t, sizeof...(A)> each{layer_argument<A>::links...};
    std::size_t n = 0;
    for (std::size_t i = 0; i < I; ++i) n += each[i];
    return n;
  }
  template <std::size_t I, class Passed>
  Passed pass(const node& n, const begins& at) const {
    using B = std::tuple_element_t<I, std::tuple<A...>>;
    if constexpr (layer_argument<B>::links == 0) {
      return std::get<I>(arguments_).value;
    } else {
      constexpr std::size_t link = links_before<I>();
      const edge* first = n.inputs + at[link];
      if constexpr (std::is_reference_v<Passed>)
        return static_cast<const value_node<std::remove_cvref_t<Passed>>*>(first->from)->value;
      else
        return Passed(first, at[link + 1] - at[link]);
    }
  }
  decltype(auto) call(const node& n, std::uint32_t index) const {
    begins at{};
    if constexpr (how::links == 1) at[1] = n.input_count;
    if constexpr (how::links > 1)
      for (std::size_t link = 0; link < how::links; ++link) at[link + 1] = at[link] + links[link]->input_count(index);
    return [&]<std::size_t... I>(std::index_sequence<I...>) -> decltype(auto) {
      return std::invoke(function_, std::size_t{index}, pass<I, typename how::template passed<A>>(n, at)...);
    }(std::index_sequence_for<A...>{});
  }
  static run_result run(node& n, bool, std::exception_ptr& error) noexcept {
    const layer_place& place = place_of(n);
    if (place.seat->over->load(std::memory_order_relaxed) && !place.told) {
      n.ask_stop();
      return run_result::error;
    }
    const auto& self = static_cast<const layer_call&>(*place.seat->spec);
    try {
      if constexpr (how::waits) {
        auto& own = static_cast<task_node&>(n);
        return own.part.begin(self.call(n, place.index), own, error);
      } else if constexpr (std::is_void_v<T>) {
        self.call(n, place.index);
      } else {
        ::new (static_cast<void*>(std::addressof(static_cast<value_node<T>&>(n).value))) T(self.call(n, place.index));
      }
      return run_result::value;
    } catch (...) {
      error = std::current_exception();
      return run_result::error;
    }
  }

  static constexpr node_type type{
      .run = &layer_call::run,
      .end_arguments = nullptr,
      .release = &task_node::release,
      .stop = how::waits ? &task_node::stop : nullptr,
      .settle = how::waits ? &task_node::settle : nullptr,
      .function_name = [](const node& n) { return place_of(n).seat->spec->function_name(); },
      .value = &value_functions<T>::type,
      .repeatable = true,
      .function = is_function_pointer<F> ? &layer_call::function_address : nullptr,
      .closed = &layer_node_closed,
      .uses = &layer_node_uses};

  [[no_unique_address]] const F function_;
  std::tuple<layer_argument<A>...> arguments_;
};

/// Values that are there, or under way, as a layer.
struct given_layer final : layer_spec {
  using layer_spec::layer_spec;
  node& make(engine& e, std::uint32_t inputs) const override;
  void discard(node& n) const noexcept override;
  std::string function_name() const override;
};

}  // namespace weft::detail
