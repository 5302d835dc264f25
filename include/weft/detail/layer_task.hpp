#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "weft/detail/call.hpp"
#include "weft/detail/layer_plan.hpp"

namespace weft::detail {

/// A value that all tasks of a layer share, as it travels; of an argument that is another layer's values, nothing.
template <class A, std::size_t Links = layer_argument<A>::links>
struct layer_share {
  typename layer_argument<A>::type value;
  void encode(encoder& e) const { weft::encode(e, value); }
  static layer_share decode(decoder& d) { return {weft::decode<typename layer_argument<A>::type>(d)}; }
};
template <class A>
struct layer_share<A, 1> {
  void encode(encoder&) const noexcept {}
  static layer_share decode(decoder&) noexcept { return {}; }
};

/// What all tasks of a layer share, but for their function.
template <class... A>
struct layer_shares {
  std::tuple<layer_share<A>...> all;
};
template <class... A>
void weft_encode(encoder& e, const layer_shares<A...>& s) {
  std::apply([&](const auto&... x) { (x.encode(e), ...); }, s.all);
}
template <class... A>
layer_shares<A...> weft_decode(decoder& d, std::type_identity<layer_shares<A...>>) {
  return {{layer_share<A>::decode(d)...}};
}

/// One task of a layer, by itself: it needs no layer, so that it can run in another process. It has its own copy of
/// what the layer's tasks share, or, where that is much, takes it as a value: its first input.
template <class F, class... A>
struct layer_task final : value_node<typename layer_plan<F, A...>::result> {
  using how = layer_plan<F, A...>;
  using T = typename how::result;
  using shares = layer_shares<A...>;
  using counts = std::array<std::uint32_t, how::links>;  // inputs of each link
  static constexpr bool shareable = how::links != sizeof...(A);

  layer_task(engine& e, F f, std::uint32_t i, const counts& c, std::optional<shares> own)
      : value_node<T>(type, e), part(e), index_(i), function_(std::move(f)), counts_(c), own_(std::move(own)) {
    this->input_count = inputs_of(counts_, own_.has_value());
    edges_ = std::make_unique<edge[]>(this->input_count);
    this->inputs = edges_.get();
  }
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* p, std::size_t size) noexcept { release_frame(p, size); }

  // As it travels: this, its number, how many inputs each link gives it, and what it has a copy of.
  static void encode_before(encoder& e, const F& f) { encode_callable(e, f); }
  static const portable_call portable;

 private:
  static std::uint32_t inputs_of(const counts& c, bool own) noexcept {
    std::uint32_t n = own ? 0 : 1;
    for (const std::uint32_t k : c) n += k;
    return n;
  }
  template <class B>
  static void take(edge*& at, [[maybe_unused]] const std::uint32_t*& count, input_source& from) {
    if constexpr (layer_argument<B>::links != 0) {
      for (std::uint32_t i = 0; i < *count; ++i)
        (at++)->from = &from.take(remote_node<typename layer_argument<B>::element>::as_input);
      ++count;
    }
  }
  /// One where the function takes a value by itself.
  template <class B>
  static bool takes_as_many([[maybe_unused]] const std::uint32_t*& count) {
    if constexpr (layer_argument<B>::links == 0)
      return true;
    else
      return *count++ == 1 || !std::is_reference_v<typename how::template passed<B>>;
  }
  static node* make(engine& e, decoder& d, input_source& s) {
    F f = decode_callable<F>(d);
    const std::uint64_t index = d.take_count("a task's number");
    if (index > ~std::uint32_t{0}) d.fail("a task's number", "it is too large");
    counts all{};
    std::uint64_t links = 0;
    for (std::uint32_t& count : all) {
      const std::uint64_t n = d.take_count("the number of a task's inputs");
      if (n > s.left()) d.fail("the number of a task's inputs", "there are too many");
      links += count = static_cast<std::uint32_t>(n);
    }
    std::optional<shares> own;
    if (links == s.left())
      own = weft_decode(d, std::type_identity<shares>());
    else if (!shareable || links + 1 != s.left())
      d.fail("a task of a layer", "it has another number of inputs than its arguments want");
    [[maybe_unused]] const std::uint32_t* each = all.data();
    if (!(takes_as_many<A>(each) && ...)) d.fail("a task of a layer", "it takes one value, and has another number");
    auto* n = new layer_task(e, std::move(f), static_cast<std::uint32_t>(index), all, std::move(own));
    try {
      [[maybe_unused]] edge* at = n->inputs;
      [[maybe_unused]] const std::uint32_t* count = n->counts_.data();
      if constexpr (shareable)
        if (!n->own_) (at++)->from = &s.take(remote_node<shares>::as_input);
      (take<A>(at, count, s), ...);
    } catch (...) {
      abandon_node(*n);
      throw;
    }
    return n;
  }
  static void encode(const node& n, encoder& e) {
    const auto& self = static_cast<const layer_task&>(n);
    encode_before(e, self.function_);
    e.put_count(self.index_);
    for (const std::uint32_t count : self.counts_) e.put_count(count);
    if (self.own_) weft_encode(e, *self.own_);
  }
  template <class B, class Passed, class Share>
  static Passed pass([[maybe_unused]] const Share& share, [[maybe_unused]] const edge* first,
                     [[maybe_unused]] std::size_t count) {
    if constexpr (layer_argument<B>::links == 0)
      return share.value;
    else if constexpr (std::is_reference_v<Passed>)
      return static_cast<const value_node<std::remove_cvref_t<Passed>>*>(first->from)->value;
    else
      return Passed(first, count);
  }
  const shares& shared() const noexcept {
    if constexpr (shareable)
      if (!own_) return static_cast<const value_node<shares>*>(this->inputs[0].from)->value;
    return *own_;
  }
  decltype(auto) call() const {
    [[maybe_unused]] const edge* first = this->inputs + (own_ ? 0 : 1);
    const shares& all = shared();
    std::array<const edge*, sizeof...(A)> at{};
    std::array<std::size_t, sizeof...(A)> count{};
    [[maybe_unused]] std::size_t link = 0, i = 0;
    ((layer_argument<A>::links != 0 ? (at[i] = first, first += count[i] = counts_[link++], ++i) : ++i), ...);
    return [&]<std::size_t... I>(std::index_sequence<I...>) -> decltype(auto) {
      return std::invoke(function_, std::size_t{index_},
                         pass<A, typename how::template passed<A>>(std::get<I>(all.all), at[I], count[I])...);
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
  /// Its arguments stay with it anyhow.
  static std::size_t kept_bytes(const node& n) noexcept { return n.input_count == 0 ? 0 : ~std::size_t{0}; }
  static std::string function_name([[maybe_unused]] const node& n) {
    if constexpr (is_function_pointer<F>)
      return name_of_function(function_address(n));
    else if constexpr (names_tasks<F>)
      return static_cast<const layer_task&>(n).function_.task_name();
    else
      return std::string(function_type_name<F>());
  }
  static std::string subject([[maybe_unused]] const node& n) {
    if constexpr (names_tasks<F>) {
      const auto& self = static_cast<const layer_task&>(n);
      return self.function_.task_subject(self.index_);
    } else {
      return {};
    }
  }

  static inline const portable_entry entry{&layer_task::make};
  static constexpr node_type type{.run = &layer_task::run,
                                  .end_arguments = [](node&) noexcept {},
                                  .release = &layer_task::release,
                                  .stop = how::waits ? &layer_task::stop : nullptr,
                                  .settle = how::waits ? &layer_task::settle : nullptr,
                                  .function_name = &layer_task::function_name,
                                  .value = &value_functions<T>::type,
                                  .repeatable = true,
                                  .kept_bytes = how::waits || std::is_void_v<T> ? nullptr : &layer_task::kept_bytes,
                                  .result_bytes = foretells_bytes<F> ? &layer_task::result_bytes : nullptr,
                                  .function = is_function_pointer<F> ? &layer_task::function_address : nullptr,
                                  .portable = [](const node&) noexcept { return &portable; },
                                  .subject = &layer_task::subject};

  [[no_unique_address]] std::conditional_t<how::waits, coroutine_part<T>, no_part> part;
  std::uint32_t index_;
  [[no_unique_address]] const F function_;
  counts counts_;
  std::optional<shares> own_;
  std::unique_ptr<edge[]> edges_;
};

template <class F, class... A>
constexpr portable_call layer_task<F, A...>::portable{
    .entry = &layer_task::entry, .encode = &layer_task::encode, .waits = how::waits, .submits = false};

}  // namespace weft::detail
