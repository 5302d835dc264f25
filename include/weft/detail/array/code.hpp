#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/codec.hpp"
#include "weft/detail/signature.hpp"

namespace weft::detail::arrays {

class code;

/// What makes code of one type from bytes. All of them are in a list before main begins, and a process makes code by
/// nothing else, as detail/portable.hpp has it for calls. It is named by the build-id of its module and its offset in
/// it, so that a kernel that a user's expression makes is found wherever his program runs.
struct code_entry {
  using maker = std::shared_ptr<const code> (*)(decoder&);
  explicit code_entry(maker m) noexcept;
  code_entry(const code_entry&) = delete;
  code_entry& operator=(const code_entry&) = delete;
  const maker make;
  const code_entry* next;
};

/// What tasks do to elements: immutable, shared by all tasks of a layer and by their threads.
class code {
 public:
  code() = default;
  code(const code&) = delete;
  code& operator=(const code&) = delete;
  virtual ~code() = default;
  /// What it was made with: constants.
  virtual void encode(encoder& e) const = 0;
  virtual const code_entry& entry() const noexcept = 0;
  /// Adds the names of what it does, in order: for errors and pictures.
  virtual void describe(std::vector<std::string_view>& operations) const = 0;
};

/// The name of an operation: what it says itself, as `static constexpr const char* name`, or that of its type.
template <class Op>
constexpr std::string_view operation_name() noexcept {
  if constexpr (requires { requires std::is_same_v<decltype(Op::name), const char* const>; })
    return Op::name;
  else
    return short_name(type_name<Op>());
}

/// A run of elements: those of each operand, and of the result, lie one after the other. The result may be written
/// into an operand of the same type.
struct strip {
  std::size_t count;
  const std::byte* const* in;
  std::byte* out;
};

/// An operation on elements.
class kernel : public code {
 public:
  /// Whether it takes arguments of so many bytes an element, and gives such ones.
  virtual bool takes(std::span<const std::uint32_t> items, std::uint32_t out) const noexcept = 0;
  virtual void run(const strip& s) const = 0;
};

/// A reduction. It gathers elements in accumulators: trivially copyable, of `size()` bytes, up to 64.
class reducer : public code {
 public:
  virtual std::size_t size() const noexcept = 0;
  /// Bytes of an element that is gathered, and of one that is made.
  virtual std::size_t item() const noexcept = 0;
  virtual std::size_t result_item() const noexcept = 0;
  /// n accumulators of nothing.
  virtual void start(std::byte* to, std::size_t n) const = 0;
  /// One accumulator of n elements, in an order that n alone decides.
  virtual void fold(std::byte* to, const std::byte* x, std::size_t n) const = 0;
  /// Element j into accumulator j.
  virtual void each(std::byte* to, const std::byte* x, std::size_t n) const = 0;
  /// Accumulator j of those that come after into accumulator j.
  virtual void merge(std::byte* to, const std::byte* after, std::size_t n) const = 0;
  /// Accumulators to elements.
  virtual void finish(std::byte* out, const std::byte* from, std::size_t n) const = 0;
};

/// A reduction that gives what it has at each element too. `inner` lines lie side by side: element k of line i is
/// number k * inner + i, and there is an accumulator for each line.
class scanner : public reducer {
 public:
  /// All `count` elements of each line, one after the other.
  virtual void total(std::byte* to, const std::byte* x, std::size_t count, std::size_t inner) const = 0;
  /// What `before` has and the elements up to each, that one included.
  virtual void scan(std::byte* out, const std::byte* before, const std::byte* x, std::size_t count,
                    std::size_t inner) const = 0;
};

void encode_code(encoder& e, const code& c);
std::shared_ptr<const code> decode_code(decoder& d);

/// Code as a value that can travel.
template <class C>
class any_code {
 public:
  any_code() noexcept = default;
  explicit any_code(std::shared_ptr<const C> c) noexcept : code_(std::move(c)) {}
  const C& operator*() const noexcept { return *code_; }
  const C* operator->() const noexcept { return code_.get(); }
  explicit operator bool() const noexcept { return code_ != nullptr; }

 private:
  std::shared_ptr<const C> code_;
};
template <class C>
void weft_encode(encoder& e, const any_code<C>& c) {
  encode_code(e, *c);
}
template <class C>
any_code<C> weft_decode(decoder& d, std::type_identity<any_code<C>>) {
  auto c = std::dynamic_pointer_cast<const C>(decode_code(d));
  if (!c) d.fail("an array's kernel", "it is one of another kind");
  return any_code<C>(std::move(c));
}
template <class C>
constexpr std::string_view weft_schema(std::type_identity<any_code<C>>) {
  return "weft array code 1";
}

/// What all tasks of a layer share: kept once, however many nodes have it.
template <class P>
class shared {
 public:
  shared() noexcept = default;
  explicit shared(P value) : value_(std::make_shared<const P>(std::move(value))) {}
  const P& operator*() const noexcept { return *value_; }
  const P* operator->() const noexcept { return value_.get(); }

 private:
  std::shared_ptr<const P> value_;
};
template <class P>
void weft_encode(encoder& e, const shared<P>& s) {
  weft::encode(e, *s);
}
template <class P>
shared<P> weft_decode(decoder& d, std::type_identity<shared<P>>) {
  return shared<P>(weft::decode<P>(d));
}

}  // namespace weft::detail::arrays
