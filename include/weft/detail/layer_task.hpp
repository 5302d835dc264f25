#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "weft/detail/call.hpp"
#include "weft/detail/layer_plan.hpp"

namespace weft::detail {

/// One task of a layer, by itself: it needs no layer, so that it can run in another process. It has its own copy of
/// what the layer's tasks share.
template <class F, class... A>
struct layer_task final : value_node<typename layer_plan<F, A...>::result> {
  using how = layer_plan<F, A...>;
  using T = typename how::result;
  using counts = std::array<std::uint32_t, how::links>;
  /// What it has of an argument: a value, or, of another layer's values, how many.
  template <class B, std::size_t Links = layer_argument<B>::links>
  struct kept {
    typename layer_argument<B>::type value;
    void encode(encoder& e) const { weft::encode(e, value); }
    static kept decode(decoder& d) { return {weft::decode<typename layer_argument<B>::type>(d)}; }
    std::uint32_t inputs() const noexcept { return 0; }
    void take(edge*&, input_source&) const noexcept {}
    template <class Passed>
    Passed pass(const edge*) const {
      return value;
    }
  };
  template <class B>
  struct kept<B, 1> {
    std::uint32_t count;
    void encode(encoder& e) const { e.put_count(count); }
    static kept decode(decoder& d) {
      constexpr std::uint64_t most = std::uint64_t{1} << 24;
      const std::uint64_t n = d.take_count("the number of a task's inputs");
      if (n > most) d.fail("the number of a task's inputs", "there are too many");
      return {static_cast<std::uint32_t>(n)};
    }
    std::uint32_t inputs() const noexcept { return count; }
    void take(edge*& at, input_source& from) const {
      for (std::uint32_t i = 0; i < count; ++i)
        (at++)->from = &from.take(remote_node<typename layer_argument<B>::element>::as_input);
    }
    template <class Passed>
    Passed pass(const edge* first) const {
      if constexpr (std::is_reference_v<Passed>)
        return static_cast<const value_node<std::remove_cvref_t<Passed>>*>(first->from)->value;
      else
        return Passed(first, count);
    }
  };
  using arguments = std::tuple<kept<A>...>;

  layer_task(engine& e, F f, std::uint32_t i, arguments a)
      : value_node<T>(type, e), part(e), index_(i), function_(std::move(f)), arguments_(std::move(a)) {
    std::apply([&](const auto&... x) { ((this->input_count += x.inputs()), ...); }, arguments_);
    edges_ = std::make_unique<edge[]>(this->input_count);
    this->inputs = edges_.get();
  }
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* p, std::size_t size) noexcept { release_frame(p, size); }

 private:
  static node* make(engine& e, decoder& d, input_source& s) {
    F f = decode_callable<F>(d);
    const std::uint64_t index = d.take_count("a task's number");
    if (index > ~std::uint32_t{0}) d.fail("a task's number", "it is too large");
    arguments a{kept<A>::decode(d)...};
    std::size_t inputs = 0;
    std::apply([&](const auto&... x) { ((inputs += x.inputs()), ...); }, a);
    if (inputs != s.left()) d.fail("a task of a layer", "it has another number of inputs than its arguments want");
    auto* n = new layer_task(e, std::move(f), static_cast<std::uint32_t>(index), std::move(a));
    try {
      [[maybe_unused]] edge* at = n->inputs;
      std::apply([&](const auto&... x) { (x.take(at, s), ...); }, n->arguments_);
    } catch (...) {
      abandon_node(*n);
      throw;
    }
    return n;
  }
  static void encode(const node& n, encoder& e) {
    const auto& self = static_cast<const layer_task&>(n);
    encode_callable(e, self.function_);
    e.put_count(self.index_);
    std::apply([&](const auto&... x) { (x.encode(e), ...); }, self.arguments_);
  }
  decltype(auto) call() const {
    const edge* at[sizeof...(A) + 1] = {this->inputs};
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((at[I + 1] = at[I] + std::get<I>(arguments_).inputs()), ...);
    }(std::index_sequence_for<A...>{});
    return [&]<std::size_t... I>(std::index_sequence<I...>) -> decltype(auto) {
      return std::invoke(function_, std::size_t{index_},
                         std::get<I>(arguments_).template pass<typename how::template passed<A>>(at[I])...);
    }(std::index_sequence_for<A...>{});
  }
  static run_result run(node& n, bool, std::exception_ptr& error) noexcept {
    auto& self = static_cast<layer_task&>(n);
    try {
      if constexpr (how::waits) {
        return self.part.begin(std::as_const(self).call(), self, error);
      } else if constexpr (std::is_void_v<T>) {
        self.call();
      } else {
        ::new (static_cast<void*>(std::addressof(self.value))) T(self.call());
      }
      return run_result::value;
    } catch (...) {
      error = std::current_exception();
      return run_result::error;
    }
  }
  static void release(node& n) noexcept { delete static_cast<layer_task*>(&n); }
  static void stop(node& n) noexcept {
    if constexpr (how::waits) static_cast<layer_task&>(n).part.stop.request_stop();
  }
  static void settle(node& n) noexcept {
    if constexpr (how::waits) {
      auto& self = static_cast<layer_task&>(n);
      std::destroy_at(&self.part.stop);
      std::construct_at(&self.part.stop, *n.home);
    }
  }
  static const void* function_address(const node& n) noexcept {
    if constexpr (is_function_pointer<F>)
      return reinterpret_cast<const void*>(static_cast<const layer_task&>(n).function_);
    else
      return nullptr;
  }
  static std::uint64_t result_bytes([[maybe_unused]] const node& n) noexcept {
    if constexpr (foretells_bytes<F>) {
      const auto& self = static_cast<const layer_task&>(n);
      return self.function_.result_bytes(self.index_);
    } else {
      return 0;
    }
  }
  static std::string function_name([[maybe_unused]] const node& n) {
    if constexpr (is_function_pointer<F>)
      return name_of_function(function_address(n));
    else
      return std::string(type_name<F>());
  }

  static inline const portable_entry entry{&layer_task::make};
  static constexpr portable_call portable{
      .entry = &entry, .encode = &layer_task::encode, .waits = how::waits, .submits = false};
  static constexpr node_type type{.run = &layer_task::run,
                                  .end_arguments = [](node&) noexcept {},
                                  .release = &layer_task::release,
                                  .stop = how::waits ? &layer_task::stop : nullptr,
                                  .settle = how::waits ? &layer_task::settle : nullptr,
                                  .function_name = &layer_task::function_name,
                                  .value = &value_functions<T>::type,
                                  .repeatable = true,
                                  .result_bytes = foretells_bytes<F> ? &layer_task::result_bytes : nullptr,
                                  .function = is_function_pointer<F> ? &layer_task::function_address : nullptr,
                                  .portable = [](const node&) noexcept { return &portable; }};

  [[no_unique_address]] std::conditional_t<how::waits, coroutine_part<T>, no_part> part;
  std::uint32_t index_;
  [[no_unique_address]] const F function_;
  arguments arguments_;
  std::unique_ptr<edge[]> edges_;
};

}  // namespace weft::detail
