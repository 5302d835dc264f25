#include "array/hdf5_pieces.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "array/copy.hpp"
#include "array/file_chunks.hpp"
#include "array/hdf5_ids.hpp"
#include "array/unfinished.hpp"
#include "array/writers.hpp"
#include "weft/blocking.hpp"
#include "weft/file.hpp"

namespace weft::detail::arrays {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t most_stored_chunk = 0xffffffff;  // HDF5's
constexpr std::size_t most_buffered_pieces = std::size_t{1} << 20;
constexpr std::uint64_t most_at_a_time = std::uint64_t{64} << 20;
/// What HDF5 notes of a chunk is some 40 to 180 bytes, in nodes that are half full at least.
constexpr std::uint64_t noted_of_chunk = 512;

/// A box of the dataset that is written in one go.
struct piece {
  std::vector<std::size_t> first = {}, extents = {};
  bool made = false;  // a chunk as it is stored; else the elements of the box, row-major
};
/// What a piece begins with in a task's file.
struct piece_header {
  std::uint64_t bytes = 0;
};
/// What is stored of a chunk at most: deflate makes nothing twice as large.
std::size_t most_stored(std::size_t chunk) { return 2 * chunk + 4096; }

std::size_t bytes_in(const hdf5_pieces& p, std::span<const std::size_t> extents) {
  return bytes_of(extents, p.of.item).value();
}
std::vector<std::size_t> sizes_from(const weft::shape& s) {
  std::vector<std::size_t> sizes;
  for (const std::int64_t n : s) sizes.push_back(static_cast<std::size_t>(n));
  return sizes;
}

/// The box of a task's chunk in the dataset.
chunk_box box_in_dataset(const hdf5_pieces& p, const coordinates& at) {
  chunk_box b = box_of(p.chunks, at, p.of.item);
  for (std::size_t a = 0; a < b.first.size(); ++a) b.first[a] += static_cast<std::size_t>(p.begin[a]);
  return b;
}

/// The pieces of a box, in the same order for those who leave it and those who take it in. There may be very many.
class pieces_of_box {
 public:
  pieces_of_box(const hdf5_pieces& p, const chunk_box& b)
      : of_(p),
        box_(b),
        stored_(sizes_from(p.stored)),
        whole_(sizes_from(p.whole)),
        more_(std::find(b.extents.begin(), b.extents.end(), std::size_t{0}) == b.extents.end()),
        piece_{b.first, b.extents} {
    for (std::size_t a = 0; more_ && a < stored_.size(); ++a)
      counts_[a] =
          static_cast<std::int64_t>((b.first[a] + b.extents[a] - 1) / stored_[a] - b.first[a] / stored_[a] + 1);
  }

  /// Null behind the last one; there until the next call.
  const piece* next() {
    if (!more_) return nullptr;
    const std::size_t rank = stored_.size();
    piece_.made = rank != 0;
    for (std::size_t a = 0; a < rank; ++a) {
      const std::size_t box_end = box_.first[a] + box_.extents[a];
      const std::size_t begin = (box_.first[a] / stored_[a] + static_cast<std::size_t>(at_[a])) * stored_[a];
      piece_.first[a] = std::max(begin, box_.first[a]);
      piece_.extents[a] = std::min(begin + stored_[a], box_end) - piece_.first[a];
      const bool all = piece_.extents[a] == stored_[a];
      const bool all_there_is = piece_.first[a] == begin && piece_.first[a] + piece_.extents[a] == whole_[a];
      piece_.made = piece_.made && (all || (all_there_is && of_.filled_with_zeros));
    }
    more_ = rank != 0 && advance(at_, counts_, rank);
    return &piece_;
  }

 private:
  const hdf5_pieces& of_;
  const chunk_box& box_;
  const std::vector<std::size_t> stored_, whole_;
  coordinates counts_{}, at_{};
  bool more_;
  piece piece_;
};
template <class F>
void each_piece(const hdf5_pieces& p, const chunk_box& b, const F& f) {
  pieces_of_box all(p, b);
  while (const piece* next = all.next()) f(*next);
}

std::string file_of_task(const hdf5_pieces& p, std::size_t number) { return p.folder + "/" + std::to_string(number); }

void append(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

/// Makes pieces of a task's elements.
class piece_maker {
 public:
  piece_maker(const hdf5_pieces& p, const chunk_box& b, const std::byte* elements)
      : p_(p), b_(b), elements_(elements), encoder_(p.filters, p.level, p.of.item), stored_(sizes_from(p.stored)) {}

  void append_to(std::vector<std::byte>& all, const piece& next) {
    const std::vector<std::size_t>& extents = next.made ? stored_ : next.extents;
    std::vector<std::ptrdiff_t> steps(extents.size());
    row_major_steps(extents, p_.of.item, steps);
    const std::byte* from = elements_;
    for (std::size_t a = 0; a < extents.size(); ++a)
      from += static_cast<std::ptrdiff_t>(next.first[a] - b_.first[a]) * b_.steps[a];
    room_.assign(bytes_in(p_, extents), std::byte{0});
    copy_box(room_.data(), steps, from, b_.steps, next.extents, p_.of.item);
    std::span<const std::byte> bytes = room_;
    if (next.made) {
      swap_if_needed(room_, item_type_of(p_.of, p_.swapped).value());
      bytes = encoder_.encode(room_);
    }
    const piece_header h{bytes.size()};
    append(all, std::as_bytes(std::span(&h, 1)));
    append(all, bytes);
  }

 private:
  const hdf5_pieces& p_;
  const chunk_box& b_;
  const std::byte* const elements_;
  hdf5_encoder encoder_;
  const std::vector<std::size_t> stored_;
  std::vector<std::byte> room_;
};

/// Reads a task's file from its beginning.
class left_pieces {
 public:
  left_pieces(std::string path, std::string name)
      : path_(std::move(path)), name_(std::move(name)), file_(path_, std::ios::binary) {
    if (!file_) throw_taken_away(name_, path_);
  }
  std::span<const std::byte> next(std::uint64_t most) {
    piece_header h;
    read(&h, sizeof h);
    if (h.bytes > most) throw_damaged();
    room_.resize(h.bytes);
    read(room_.data(), room_.size());
    return room_;
  }

 private:
  void read(void* to, std::size_t n) {
    if (!file_.read(static_cast<char*>(to), static_cast<std::streamsize>(n))) throw_damaged();
  }
  [[noreturn]] void throw_damaged() const {
    throw std::runtime_error("weft: " + path_ + ", with chunks of " + name_ + ", is damaged: write it again");
  }

  const std::string path_, name_;
  std::ifstream file_;
  std::vector<std::byte> room_;
};

std::vector<hsize_t> begin_of_chunk(const hdf5_dataset& of, std::span<const std::size_t> first) {
  std::vector<hsize_t> at(first.begin(), first.end());
  for (std::size_t a = 0; a < at.size(); ++a) at[a] -= at[a] % of.chunk[a];
  return at;
}
/// Null where nobody has written the chunk with that element.
std::uint64_t stored_of_chunk(const hdf5_id& d, const hdf5_dataset& of, std::span<const std::size_t> first) {
  hsize_t stored = 0;
  return H5Dget_chunk_storage_size(d.get(), begin_of_chunk(of, first).data(), &stored) < 0 ? 0 : stored;
}

/// What taking in a box takes, at most.
struct portion {
  std::uint64_t bytes = 0;  // that are read, or written
  std::uint64_t room = 0;   // that the file may grow by
};
/// `left` is what the box's file has.
portion portion_of(const hdf5_id& dataset, const hdf5_dataset& d, const hdf5_pieces& p, const chunk_box& b,
                   std::uint64_t left, bool is_new) {
  portion all{.bytes = left};
  if (d.chunk.empty()) return all;  // its room is reserved once, for all of the dataset
  const std::uint64_t bytes = bytes_of(d.chunk, d.type.size).value();
  const bool in_place = d.plain_chunks && d.filters.empty();  // chunks that are there stay where they are
  if (!in_place) all.room = left;
  each_piece(p, b, [&](const piece& next) {
    std::uint64_t chunks = 1;  // a piece that the library writes is all of a task's
    for (std::size_t a = 0; a < next.first.size(); ++a)
      chunks *= (next.first[a] + next.extents[a] - 1) / d.chunk[a] - next.first[a] / d.chunk[a] + 1;
    all.bytes += chunks * noted_of_chunk;
    if (!next.made) all.bytes += 2 * chunks * bytes;
    if (in_place) {
      if (is_new || stored_of_chunk(dataset, d, next.first) == 0) all.room += bytes + noted_of_chunk;
    } else if (next.made) {
      all.room += noted_of_chunk + (is_new ? 0 : bytes + bytes / 8);  // what is there may have to be set apart first
    } else {
      all.room += chunks * (bytes + bytes / 8 + noted_of_chunk) + (d.plain_chunks ? most_stored(bytes) : 0);
    }
  });
  return all;
}

hdf5_id space_of(std::span<const std::size_t> extents) {
  const std::vector<hsize_t> n(extents.begin(), extents.end());
  return hdf5_id(n.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(n.size()), n.data(), nullptr),
                 &H5Sclose);
}

/// What is stored of a chunk that has not been through all filters; none where it has, or nobody has written it.
std::optional<hdf5_chunk> skipped_chunk(const hdf5_id& d, const hdf5_dataset& of, std::span<const std::size_t> first,
                                        const std::string& name) {
  const std::uint64_t stored = stored_of_chunk(d, of, first), bytes = bytes_of(of.chunk, of.type.size).value();
  if (stored == 0) return {};
  if (stored > most_stored(bytes))
    throw std::runtime_error("weft: a chunk of " + name + " has " + std::to_string(stored) + " bytes, of " +
                             std::to_string(bytes) + " bytes of elements: the file is damaged");
  hdf5_chunk c;
  c.stored.resize(stored);
  if (H5Dread_chunk(d.get(), H5P_DEFAULT, begin_of_chunk(of, first).data(), &c.skipped, c.stored.data()) < 0)
    throw_hdf5("a chunk of " + name + " cannot be read");
  if (c.skipped == 0) return {};
  return c;
}

/// That chunk with a piece's elements, through all filters.
std::vector<std::byte> filled_chunk(hdf5_chunk there, const hdf5_dataset& of, const piece& next,
                                    std::span<const std::byte> elements, const std::string& name) {
  hdf5_dataset as_stored = of;
  as_stored.type = {item_type::kind::natural, of.type.size, false};  // other elements stay as they are, bit by bit
  const std::size_t rank = of.chunk.size();
  there.begin = there.place = std::vector<std::size_t>(rank);
  there.extents = of.chunk;
  std::vector<std::byte> chunk(bytes_of(of.chunk, of.type.size).value()), part(elements.begin(), elements.end());
  hdf5_decoder(as_stored, name).decode(std::move(there), of.chunk, chunk.data());
  swap_if_needed(part, of.type);
  std::vector<std::ptrdiff_t> steps(rank), part_steps(rank);
  row_major_steps(of.chunk, of.type.size, steps);
  row_major_steps(next.extents, of.type.size, part_steps);
  std::byte* to = chunk.data();
  for (std::size_t a = 0; a < rank; ++a) to += static_cast<std::ptrdiff_t>(next.first[a] % of.chunk[a]) * steps[a];
  copy_box(to, steps, part.data(), part_steps, next.extents, of.type.size);
  hdf5_encoder encoder(of.filters, of.level, of.type.size);
  const std::span<const std::byte> stored = encoder.encode(chunk);
  return {stored.begin(), stored.end()};
}

/// Writes a chunk that has been through all filters. HDF5 1.10 does not note that where it is written over one that
/// has not been, and both are of one length: that one is given another length before.
bool write_stored(const hdf5_id& d, const hdf5_dataset& of, std::span<const std::size_t> first,
                  std::span<const std::byte> bytes, const std::string& name) {
  const std::vector<hsize_t> at = begin_of_chunk(of, first);
  if (!of.filters.empty() && stored_of_chunk(d, of, first) == bytes.size())
    if (std::optional<hdf5_chunk> there = skipped_chunk(d, of, first, name)) {
      there->stored.resize(bytes.size() + 1);
      if (H5Dwrite_chunk(d.get(), H5P_DEFAULT, there->skipped, at.data(), there->stored.size(),
                         there->stored.data()) < 0)
        return false;
    }
  return H5Dwrite_chunk(d.get(), H5P_DEFAULT, 0, at.data(), bytes.size(), bytes.data()) >= 0;
}

/// HDF5 itself changes chunks in part, but for those that have not been through all filters: what comes of such a
/// chunk may be as long as before, and 1.10 would have it noted as it was.
/// No chunk is that of two pieces while the file is open: each is in one piece of one task, as tasks are cut where
/// chunks are, and another array of the call has an opening of its own. Behind H5Dwrite_chunk, H5Dread_chunk would
/// tell the filters that were left out before.
void write_piece(const hdf5_id& d, const hdf5_dataset& of, const piece& next, std::span<const std::byte> bytes,
                 const hdf5_id& in_memory, const std::string& name) {
  const std::vector<hsize_t> first(next.first.begin(), next.first.end());
  const std::vector<hsize_t> extents(next.extents.begin(), next.extents.end());
  hdf5_id here, there;  // until the error has been told: to close them is HDF5's next call, which forgets it
  bool done = false;
  std::optional<hdf5_chunk> skipped;
  if (!next.made && !of.filters.empty()) skipped = skipped_chunk(d, of, next.first, name);
  if (next.made) {
    done = write_stored(d, of, next.first, bytes, name);
  } else if (skipped) {
    done = write_stored(d, of, next.first, filled_chunk(*std::move(skipped), of, next, bytes, name), name);
  } else {
    here = space_of(next.extents);
    there = hdf5_id(H5Dget_space(d.get()), &H5Sclose);
    done = here && there &&
           (first.empty() ||
            H5Sselect_hyperslab(there.get(), H5S_SELECT_SET, first.data(), nullptr, extents.data(), nullptr) >= 0) &&
           H5Dwrite(d.get(), in_memory.get(), here.get(), there.get(), H5P_DEFAULT, bytes.data()) >= 0;
  }
  if (!done) throw_hdf5(name + " cannot be written");
}

/// The pieces of a box to the file `own`, which is called `path` then.
task<> write_pieces(const std::string& own, const std::string& path, const hdf5_pieces& p, const chunk_box& b,
                    const std::byte* elements) {
  file f = co_await file::open(own, {.mode = access::write, .create = true, .exclusive = true});
  piece_maker maker(p, b, elements);
  pieces_of_box pieces(p, b);
  std::vector<std::byte> all;
  std::uint64_t written = 0;
  for (const piece* next = pieces.next(); next;) {
    maker.append_to(all, *next);
    next = pieces.next();
    if (all.size() < most_buffered_pieces && next) continue;
    co_await f.write_full_at(written, all);
    written += all.size();
    all.clear();
  }
  co_await f.close();
  const auto rename = [&] { fs::rename(own, path); };
  co_await blocking(rename);
}

}  // namespace

task<nothing> leave_hdf5_pieces(shared<hdf5_pieces> where, std::size_t j, const block& from) {
  const hdf5_pieces& p = *where;
  const coordinates at = place_in_box(j, p.first, p.counts);
  check_own(from, p.of, p.chunks.chunk(at));
  if (from.count() == 0) co_return nothing();
  const writing here(p.writing);
  const chunk_box b = box_in_dataset(p, at);
  // A task may run twice, and the first time end last: each has a file of its own until it is whole.
  const std::string path = file_of_task(p, number_of(at, p.chunks.counts(), p.chunks.rank));
  const std::string own = path + "." + number_in_name(number_of_writing());
  task<> write = write_pieces(own, path, p, b, from.bytes().data());
  co_await written_or_removed(own, std::move(write));
  co_return nothing();
}

std::size_t check_skipped_filters(const hdf5_goal& to, const hdf5_pieces& from, std::size_t next) {
  const std::string name = name_of_hdf5(to.path, to.dataset);
  const std::size_t n = from.chunks.tasks();
  const hdf5_session session;
  const hdf5_id file = open_hdf5_file(to.path, H5F_ACC_RDONLY);
  const hdf5_dataset now = look_into_hdf5(file, to.path, to.dataset, to.type, sizes_from(from.whole));
  if (!is_same_object(now, to.there)) throw_written_anew(name);
  if (now.plain_chunks || now.chunk.empty() || now.never_skipped == 0) return n;
  const hdf5_id d = find_hdf5_object(file, to.dataset);
  hdf5_pieces by_chunk = from;
  by_chunk.stored = extents_from(now.chunk);
  std::uint64_t bytes = 0;
  for (; next < n && bytes < most_at_a_time; ++next)
    each_piece(by_chunk, box_in_dataset(from, place_of(next, from.chunks.counts(), from.chunks.rank)),
               [&](const piece& p) {
                 bytes += bytes_of(now.chunk, now.type.size).value() + noted_of_chunk;
                 const std::optional<hdf5_chunk> there = skipped_chunk(d, now, p.first, name);
                 if (there && (there->skipped & now.never_skipped) != 0)
                   throw std::runtime_error("weft: a region of " + name +
                                            ", of which a chunk has not been through all filters, as somebody has "
                                            "written it directly; HDF5 would not note that it is through them then: "
                                            "read the dataset, and store it as another one");
               });
  return next;
}

std::size_t take_in_hdf5_pieces(const hdf5_goal& to, const hdf5_pieces& from, std::size_t next) {
  const std::string name = name_of_hdf5(to.path, to.dataset);
  const bool is_new = to.room.mark != 0;
  const coordinates counts = from.chunks.counts();
  const std::size_t n = from.chunks.tasks(), begin = next;
  const auto box_of_task = [&](std::size_t j) { return box_in_dataset(from, place_of(j, counts, from.chunks.rank)); };
  const hdf5_session session;
  hdf5_id file = open_hdf5_file(to.path, H5F_ACC_RDWR);
  if (is_new) check_own_room(file, to.path, to.dataset, to.room);
  const hdf5_dataset now = look_into_hdf5(file, to.path, is_new ? unfinished_name(to.dataset) : to.dataset, to.type,
                                          sizes_from(from.whole));
  if (!is_new && !is_same_object(now, to.there)) throw_written_anew(name);
  if (now.plain_chunks ? extents_from(now.chunk) != from.stored || now.filters != from.filters
                       : from.stored.size() != 0)
    throw std::runtime_error("weft: " + name + " has other chunks than when it was opened: it was written anew");

  hdf5_id d = find_hdf5_object(file, is_new ? unfinished_name(to.dataset) : to.dataset);
  portion all{.room = now.chunk.empty() && !now.offset ? bytes_of(now.shape, now.type.size).value() : 0};
  for (; next < n && all.bytes < most_at_a_time; ++next) {
    std::error_code none;  // of no elements, or somebody has taken it away
    const std::uintmax_t left = fs::file_size(file_of_task(from, next), none);
    if (none) continue;
    const portion more = portion_of(d, now, from, box_of_task(next), left, is_new);
    all.bytes += more.bytes;
    all.room += more.room;
  }
  hdf5_reserve reserve(file, to.path, all.room);
  const hdf5_id in_memory = make_hdf5_type({to.type.of, to.type.size, false});
  for (std::size_t j = begin; j < next; ++j) {
    std::optional<left_pieces> left;
    each_piece(from, box_of_task(j), [&](const piece& p) {
      if (!left) left.emplace(file_of_task(from, j), name);
      const std::size_t size = bytes_in(from, p.made ? now.chunk : p.extents);
      const std::span<const std::byte> what = left->next(p.made ? most_stored(size) : size);
      if (!p.made && what.size() != size) throw std::logic_error("weft: a piece of a dataset of another size");
      write_piece(d, now, p, what, in_memory, name);
    });
  }
  if (!d.close()) throw_hdf5(name + " cannot be written");
  reserve.give_back();
  finish_hdf5_file(file, to.path);
  std::error_code ignored;  // the folder goes in the end
  for (std::size_t j = begin; j < next; ++j) fs::remove(file_of_task(from, j), ignored);
  return next;
}

void weft_encode(encoder& e, const hdf5_pieces& p) {
  weft::encode(e, p.folder);
  weft::encode(e, p.chunks);
  weft::encode(e, p.first);
  weft::encode(e, p.counts);
  weft::encode(e, p.of);
  weft::encode(e, p.swapped);
  weft::encode(e, p.writing);
  weft::encode(e, p.begin);
  weft::encode(e, p.whole);
  weft::encode(e, p.stored);
  weft::encode(e, p.filters);
  weft::encode(e, p.level);
  weft::encode(e, p.filled_with_zeros);
}
hdf5_pieces weft_decode(decoder& d, std::type_identity<hdf5_pieces>) {
  constexpr const char* what = "a dataset's pieces";
  hdf5_pieces p{weft::decode<std::string>(d), weft::decode<grid>(d)};
  p.first = weft::decode<weft::shape>(d);
  p.counts = weft::decode<weft::shape>(d);
  p.of = weft::decode<element>(d);
  p.swapped = weft::decode<bool>(d);
  p.writing = weft::decode<std::uint64_t>(d);
  p.begin = weft::decode<weft::shape>(d);
  p.whole = weft::decode<weft::shape>(d);
  p.stored = weft::decode<weft::shape>(d);
  p.filters = weft::decode<std::vector<hdf5_filter>>(d);
  p.level = weft::decode<int>(d);
  p.filled_with_zeros = weft::decode<bool>(d);
  if (!is_box_of(p.chunks, p.first, p.counts)) d.fail(what, "its box is not in its chunks");
  if (!is_number(p.of)) d.fail(what, "its elements are no numbers");
  if (p.begin.size() != p.chunks.rank || !is_part_of(p.chunks, p.begin, p.whole) ||
      !bytes_of(sizes_from(p.whole), p.of.item))
    d.fail(what, "its chunks are not in the dataset");
  bool possible = p.stored.size() == 0 || p.stored.size() == p.whole.size();
  for (const std::int64_t extent : p.stored) possible = possible && extent > 0;
  if (!possible || bytes_of(sizes_from(p.stored), p.of.item).value_or(most_stored_chunk + 1) > most_stored_chunk)
    d.fail(what, "its chunks are impossible");
  for (const hdf5_filter f : p.filters)
    if (f > hdf5_filter::deflate) d.fail(what, "a filter is not known");
  if (p.filters.size() > 32 || p.level < 0 || p.level > 9) d.fail(what, "its filters are impossible");
  return p;
}

}  // namespace weft::detail::arrays
