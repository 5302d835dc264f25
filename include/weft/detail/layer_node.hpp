#pragma once

#include <algorithm>
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
#include "weft/detail/layer_plan.hpp"
#include "weft/detail/layer_task.hpp"
#include "weft/detail/node.hpp"

namespace weft::detail {

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

  node& make(engine& e, std::uint32_t inputs) const override {
    task_node& n = *task_node::make(type, e, inputs);
    if constexpr (remakes) n.has_arguments = inputs == 0;
    return n;
  }
  node* make_alone(engine& e, std::uint32_t index, std::span<const std::uint32_t> inputs,
                   const node* shared) const override {
    using task = layer_task<F, A...>;
    typename task::counts counts{};
    std::copy_n(inputs.begin(), how::links, counts.begin());
    return new task(e, function_, index, counts, shared ? std::nullopt : std::optional(shares()));
  }
  const portable_call* encode_alone(encoder& before, encoder& behind, bool shared) const override {
    using task = layer_task<F, A...>;
    task::encode_before(before, function_);
    if (!shared) weft_encode(behind, shares());
    return &task::portable;
  }
  node* make_shared(engine& e, [[maybe_unused]] std::size_t least) const override {
    if constexpr (layer_task<F, A...>::shareable)
      if (layer_shares<A...> all = shares(); to_bytes(all).size() >= least)
        return new plain_node<layer_shares<A...>>(e, std::move(all));
    return nullptr;
  }
  void discard(node& n) const noexcept override { static_cast<task_node&>(n).free(); }
  static const void* function_address(const node& n) noexcept {
    if constexpr (is_function_pointer<F>)
      return reinterpret_cast<const void*>(static_cast<const layer_call&>(*place_of(n).seat->spec).function_);
    else
      return nullptr;
  }
  static std::uint64_t result_bytes([[maybe_unused]] const node& n) noexcept {
    if constexpr (foretells_bytes<F>) {
      const layer_place& place = place_of(n);
      return static_cast<const layer_call&>(*place.seat->spec).function_.result_bytes(place.index);
    } else {
      return 0;
    }
  }
  std::string function_name() const override {
    if constexpr (is_function_pointer<F>)
      return name_of_function(reinterpret_cast<const void*>(function_));
    else if constexpr (names_tasks<F>)
      return function_.task_name();
    else
      return std::string(function_type_name<F>());
  }
  std::string subject_of([[maybe_unused]] std::size_t i) const override {
    if constexpr (names_tasks<F>)
      return function_.task_subject(i);
    else
      return {};
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
  layer_shares<A...> shares() const {
    const auto share = []<class B>(std::type_identity<B>, [[maybe_unused]] const layer_argument<B>& of) {
      if constexpr (layer_argument<B>::links == 0)
        return layer_share<B>{copy_of(of.value)};
      else
        return layer_share<B>{};
    };
    return [&]<std::size_t... I>(std::index_sequence<I...>) -> layer_shares<A...> {
      return {{share(std::type_identity<A>(), std::get<I>(arguments_))...}};
    }(std::index_sequence_for<A...>{});
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

  /// A task without inputs can be run again as long as its node is there, which keeps the layer.
  static constexpr bool remakes = !how::waits && !std::is_void_v<T>;
  static std::size_t kept_bytes(const node&) noexcept { return 0; }

  static constexpr node_type type{
      .run = &layer_call::run,
      .end_arguments = [](node&) noexcept {},
      .release = &task_node::release,
      .stop = how::waits ? &task_node::stop : nullptr,
      .settle = how::waits ? &task_node::settle : nullptr,
      .function_name = [](const node& n) { return place_of(n).seat->spec->function_name(); },
      .value = &value_functions<T>::type,
      .repeatable = true,
      .kept_bytes = remakes ? &layer_call::kept_bytes : nullptr,
      .result_bytes = foretells_bytes<F> ? &layer_call::result_bytes : nullptr,
      .function = is_function_pointer<F> ? &layer_call::function_address : nullptr,
      .closed = &layer_node_closed,
      .uses = &layer_node_uses,
      .subject = [](const node& n) { return place_of(n).seat->spec->subject_of(place_of(n).index); },
      .given_up = &layer_node_given_up};

  [[no_unique_address]] const F function_;
  std::tuple<layer_argument<A>...> arguments_;
};

/// Values that are there, or under way, as a layer.
struct given_layer final : layer_spec {
  using layer_spec::layer_spec;
  node& make(engine& e, std::uint32_t inputs) const override;
  node* make_alone(engine&, std::uint32_t, std::span<const std::uint32_t>, const node*) const override {
    return nullptr;
  }
  const portable_call* encode_alone(encoder&, encoder&, bool) const override { return nullptr; }
  node* make_shared(engine&, std::size_t) const override { return nullptr; }
  void discard(node& n) const noexcept override;
  std::string function_name() const override;
};

}  // namespace weft::detail
