#include "array/stack_info.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace weft::detail::arrays {

namespace {

/// What stands on the stack of a pickle.
struct item {
  enum class kind : unsigned char { mark, none, boolean, integer, text, tuple, dict, dtype_class, dtype };
  kind of = kind::none;
  std::int64_t number = 0;
  std::string text = {};
  std::shared_ptr<std::vector<item>> items = {};  // of a tuple; of a dict keys and values by turns
  std::size_t depth = 0;
};
using kind = item::kind;

constexpr std::size_t most_depth = 8;

/// Python's pickle machine, with those instructions that numbers, strings, tuples, a dict and numpy.dtype need.
class unpickler {
 public:
  unpickler(std::span<const std::byte> pickle, const std::string& name) : all_(pickle), name_(name) {}

  item run() {
    for (;;) {
      const auto op = static_cast<char>(take(1)[0]);
      if (op == '.') break;
      step(op);
    }
    if (stack_.size() != 1) fail("it ends with other than one object");
    return std::move(stack_.front());
  }

  [[noreturn]] void fail(const std::string& why) const {
    throw std::runtime_error("weft: " + name_ + " does not describe a stack of npy files: " + why + ", at byte " +
                             std::to_string(at_) + " of " + std::to_string(all_.size()));
  }

 private:
  std::span<const std::byte> take(std::size_t n) {
    if (n > all_.size() - at_) fail("it is cut short");
    at_ += n;
    return all_.subspan(at_ - n, n);
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t n = 0;
    std::memcpy(&n, take(bytes).data(), bytes);
    return n;
  }
  std::string text(std::size_t bytes) {
    const auto from = take(bytes);
    return {reinterpret_cast<const char*>(from.data()), bytes};
  }
  std::string line() {
    const auto rest = all_.subspan(at_);
    const auto end = std::find(rest.begin(), rest.end(), std::byte{'\n'});
    if (end == rest.end()) fail("it is cut short");
    std::string words = text(static_cast<std::size_t>(end - rest.begin()));
    take(1);
    return words;
  }

  item& top() {
    if (stack_.empty() || stack_.back().of == kind::mark) fail("an object is missing");
    return stack_.back();
  }
  item pop() {
    item last = std::move(top());
    stack_.pop_back();
    return last;
  }
  void push(item i) { stack_.push_back(std::move(i)); }
  void push(std::int64_t n) { push(item{kind::integer, n}); }
  void push_text(std::string s) { push(item{kind::text, 0, std::move(s)}); }
  void push_tuple(std::vector<item> items) {
    item t{kind::tuple};
    for (const item& i : items) t.depth = std::max(t.depth, i.depth + 1);
    if (t.depth > most_depth) fail("its objects are nested too deep");
    t.items = std::make_shared<std::vector<item>>(std::move(items));
    push(std::move(t));
  }
  std::vector<item> last(std::size_t n) {
    std::vector<item> items(n);
    for (std::size_t i = n; i-- > 0;) items[i] = pop();
    return items;
  }
  std::vector<item> since_mark() {
    const auto at = std::find_if(stack_.rbegin(), stack_.rend(), [](const item& i) { return i.of == kind::mark; });
    if (at == stack_.rend()) fail("a mark is missing");
    std::vector<item> items(std::make_move_iterator(at.base()), std::make_move_iterator(stack_.end()));
    stack_.resize(static_cast<std::size_t>(stack_.rend() - at) - 1);
    return items;
  }
  void memoize(std::uint64_t i) {
    if (i > all_.size()) fail("an object has an impossible number");
    if (memo_.size() <= i) memo_.resize(static_cast<std::size_t>(i) + 1);
    memo_[static_cast<std::size_t>(i)] = top();
  }
  void recall(std::uint64_t i) {
    if (i >= memo_.size()) fail("there is no object of that number");
    push(memo_[static_cast<std::size_t>(i)]);
  }
  void push_global(const std::string& module, const std::string& what) {
    if (module != "numpy" || what != "dtype") fail("it asks for " + module + "." + what);
    push(item{kind::dtype_class});
  }
  /// numpy.dtype("f8", False, True)
  void reduce() {
    const item arguments = pop(), called = pop();
    const bool known = called.of == kind::dtype_class && arguments.of == kind::tuple && !arguments.items->empty() &&
                       arguments.items->front().of == kind::text;
    if (!known) fail("it calls what is not numpy.dtype of a string");
    push(item{kind::dtype, 0, arguments.items->front().text});
  }
  /// (3, "<", None, None, None, -1, -1, 0): a version, the order of bytes, and what types that are no numbers have.
  void build() {
    const item state = pop();
    item& own = top();
    if (own.of != kind::dtype || state.of != kind::tuple || state.items->size() < 2)
      fail("it sets up no numpy.dtype");
    const std::vector<item>& parts = *state.items;
    const bool plain = parts[0].of == kind::integer && parts[1].of == kind::text && parts[1].text.size() == 1;
    for (std::size_t i = 2; plain && i < std::min<std::size_t>(parts.size(), 5); ++i)
      if (parts[i].of != kind::none) fail("its elements are no numbers");
    if (!plain) fail("it sets up no numpy.dtype");
    own.text = parts[1].text + own.text;
  }
  void set_items(std::vector<item> items) {
    item& d = top();
    if (d.of != kind::dict || items.size() % 2 != 0) fail("it adds to what is no dict");
    for (item& i : items) {
      if (i.of == kind::dict) fail("a dict is within the dict");
      d.items->push_back(std::move(i));
    }
  }

  void step(char op) {
    switch (op) {
      case '\x80':
        return check_protocol(number(1));
      case '\x95':
        take(8);
        return;  // a frame
      case '(':
        return push(item{kind::mark});
      case '}':
        return push(item{kind::dict, 0, {}, std::make_shared<std::vector<item>>(), most_depth});
      case 'N':
        return push(item{});
      case '\x88':
        return push(item{kind::boolean, 1});
      case '\x89':
        return push(item{kind::boolean, 0});
      case 'K':
        return push(static_cast<std::int64_t>(number(1)));
      case 'M':
        return push(static_cast<std::int64_t>(number(2)));
      case 'J':
        return push(std::int64_t{static_cast<std::int32_t>(number(4))});
      case '\x8a':
        return push(long_number());
      case 'X':
        return push_text(text(static_cast<std::size_t>(number(4))));
      case '\x8c':
        return push_text(text(static_cast<std::size_t>(number(1))));
      case ')':
        return push_tuple({});
      case '\x85':
        return push_tuple(last(1));
      case '\x86':
        return push_tuple(last(2));
      case '\x87':
        return push_tuple(last(3));
      case 't':
        return push_tuple(since_mark());
      case '\x94':
        return memoize(memo_.size());
      case 'q':
        return memoize(number(1));
      case 'r':
        return memoize(number(4));
      case 'h':
        return recall(number(1));
      case 'j':
        return recall(number(4));
      case 'c': {
        const std::string module = line();
        return push_global(module, line());
      }
      case '\x93': {
        const std::vector<item> names = last(2);
        return push_global(names[0].text, names[1].text);
      }
      case 'R':
        return reduce();
      case 'b':
        return build();
      case 's':
        return set_items(last(2));
      case 'u':
        return set_items(since_mark());
      default:
        fail("a pickle of it has no instruction " + std::to_string(static_cast<unsigned char>(op)));
    }
  }
  void check_protocol(std::uint64_t n) const {
    if (n < 2 || n > 5) fail("protocol " + std::to_string(n) + " of pickle is not known");
  }
  std::int64_t long_number() {
    const std::uint64_t bytes = number(1);
    if (bytes > 8) fail("a number is too large");
    const auto raw = static_cast<std::int64_t>(number(static_cast<std::size_t>(bytes)));
    const auto unused = static_cast<int>(64 - 8 * bytes);
    return bytes == 0 ? 0 : static_cast<std::int64_t>(static_cast<std::uint64_t>(raw) << unused) >> unused;
  }

  std::span<const std::byte> all_;
  const std::string& name_;
  std::size_t at_ = 0;
  std::vector<item> stack_, memo_;
};

}  // namespace

stack_info parse_stack_info(std::span<const std::byte> pickle, const std::string& name) {
  unpickler reader(pickle, name);
  const item all = reader.run();
  const auto require = [&](bool right, const char* why) {
    if (!right) reader.fail(why);
  };
  require(all.of == kind::dict, "it is no dict");
  const auto find = [&](std::string_view key, kind wanted) -> const item& {
    for (std::size_t i = 0; i + 1 < all.items->size(); i += 2)
      if ((*all.items)[i].of == kind::text && (*all.items)[i].text == key && (*all.items)[i + 1].of == wanted)
        return (*all.items)[i + 1];
    reader.fail("it has no proper \"" + std::string(key) + "\"");
  };
  stack_info info;
  for (const item& along : *find("chunks", kind::tuple).items) {
    require(along.of == kind::tuple && !along.items->empty(), "its chunks are no tuples of sizes");
    std::vector<std::int64_t>& sizes = info.chunks.emplace_back();
    for (const item& n : *along.items) {
      require(n.of == kind::integer && n.number >= 0, "a size of its chunks is no whole number");
      sizes.push_back(n.number);
    }
  }
  const item& type = find("dtype", kind::dtype);
  const std::string letters = type.text.size() == 2 ? "=" + type.text : type.text;
  const std::optional<item_type> found = parse_item_type(letters);
  require(found.has_value(), "its elements are no numbers");
  info.type = *found;
  const std::int64_t axis = find("axis", kind::integer).number, rank = static_cast<std::int64_t>(info.chunks.size());
  require(axis >= -rank && axis < rank, "its axis is not there");
  info.axis = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  return info;
}

std::vector<std::byte> make_stack_info(const stack_info& info) {
  std::string p;
  const auto put = [&](std::string_view bytes) { p += bytes; };
  const auto put_number = [&](std::uint64_t n, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) p += static_cast<char>(n >> 8 * i & 255);
  };
  const auto put_text = [&](std::string_view text) {
    put("X");
    put_number(text.size(), 4);
    put(text);
  };
  const auto put_integer = [&](std::int64_t n) {
    put("\x8a\x08");
    put_number(static_cast<std::uint64_t>(n), 8);
  };
  put("\x80\x02}(");
  put_text("chunks");
  put("(");
  for (const std::vector<std::int64_t>& along : info.chunks) {
    put("(");
    for (const std::int64_t n : along) put_integer(n);
    put("t");
  }
  put("t");
  put_text("dtype");
  put("cnumpy\ndtype\n");
  put_text(to_string(info.type));
  put("\x85R");
  put_text("axis");
  put_integer(static_cast<std::int64_t>(info.axis));
  put("u.");
  const auto bytes = std::as_bytes(std::span(p));
  return {bytes.begin(), bytes.end()};
}

}  // namespace weft::detail::arrays
