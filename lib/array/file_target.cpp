// Files whose elements are in one piece, as places for arrays.
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "array/file_chunks.hpp"
#include "array/npy_array.hpp"
#include "array/unfinished.hpp"
#include "weft/blocking.hpp"
#include "weft/detail/array/files.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

namespace fs = std::filesystem;

npy_place place_of_file(const std::string& path, const npy_header& h, const array_node& x) {
  npy_place where{path, x.chunks};
  where.offset = h.data_offset;
  where.of = x.of;
  where.fortran_order = h.fortran_order;
  where.swapped = h.type.swapped;
  return where;
}

/// A file under a name of its own until it is whole. What other calls have left of it is removed first: one of them
/// that writes yet fails then.
class new_file_job final : public storing_job {
 public:
  new_file_job(array_ref x, const std::string& path, std::shared_ptr<const file_format> f)
      : storing_job(std::move(x), path), format_(std::move(f)), header_(format_->header_for(*x_, path)) {}

  task<> begin(std::uint64_t number, std::uint64_t own) override {
    number_ = number;
    unfinished_ = unfinished_beside(name(), own);
    const auto make_place = [&] {
      std::error_code ignored;  // it is in nobody's way
      for (const fs::path& left : all_unfinished_beside(name())) fs::remove(left, ignored);
    };
    co_await blocking(make_place);
    file f = co_await format_->create(unfinished_, header_);
    co_await f.close();
  }
  layer<nothing> writes(layer<block> chunks) override {
    npy_place where = place_of_file(unfinished_, header_, *x_);
    where.writing = number_;
    return writes_to_file(std::move(where), std::move(chunks), name());
  }
  task<> finish() override {
    if (!fs::exists(unfinished_)) throw_taken_away(name(), unfinished_);
    fs::rename(unfinished_, name());
    co_return;
  }
  task<> give_up(bool) override {
    std::error_code ignored;  // that it cannot be removed is less than what has happened
    fs::remove(unfinished_, ignored);
    co_return;
  }
  task<array_ref> open() const override { co_return array_in_file(x_->owner, place_of_file(name(), header_, *x_)); }

 private:
  const std::shared_ptr<const file_format> format_;
  npy_header header_;
  std::string unfinished_;
  std::uint64_t number_ = 0;
};

/// A part of a file that is there.
class file_region_job final : public storing_job {
 public:
  file_region_job(array_ref x, const std::string& path, std::shared_ptr<const file_format> f, file_region r)
      : storing_job(std::move(x), path), format_(std::move(f)), region_(std::move(r)) {
    type_to_write(*x_, path);
  }
  const file_region* region() const noexcept override { return &region_; }
  std::string thing() const override { return held_ ? to_string(held_->number()) : std::string(); }

  task<> begin(std::uint64_t number, std::uint64_t) override {
    number_ = number;
    held_ = co_await hold_file_beside(name());
    file f = co_await file::open(name(), {.mode = access::read_write});
    header_ = co_await format_->look(f, *x_);
    const bool same = item_type_of(x_->of, header_.type.swapped) == header_.type;
    check_type_of_region(x_->of, to_string(header_.type), same, name());
    settle_region(region_, header_.shape, name());
    find_bytes(region_, header_.shape, header_.type.size, header_.data_offset, header_.fortran_order);
    x_ = in_region(std::move(x_), region_, name());
  }
  layer<nothing> writes(layer<block> chunks) override {
    npy_place where = place_of_file(name(), header_, *x_);
    where.writing = number_;
    where.begin = region_.first;
    where.whole = extents_from(header_.shape);
    where.with_header = format_->has_header();
    return writes_to_file(std::move(where), std::move(chunks), name());
  }
  task<> finish() override {
    file f = co_await file::open(name());
    const npy_header now = co_await format_->look(f, *x_);
    if (!(now == header_) || !(number_of_file(name()) == held_->number())) throw_written_anew(name());
  }
  task<> give_up(bool) override { co_return; }
  task<array_ref> open() const override {
    npy_place where = place_of_file(name(), header_, *x_);
    where.chunks = make_grid(extents_from(header_.shape), x_->chunks.largest(), creation().bytes, x_->of.item);
    co_return part_in_region(array_in_file(x_->owner, std::move(where)), region_);
  }

 private:
  const std::shared_ptr<const file_format> format_;
  file_region region_;
  npy_header header_;
  std::shared_ptr<const held_file> held_;
  std::uint64_t number_ = 0;
};

class file_target_kind final : public target_kind {
 public:
  file_target_kind(std::string path, std::shared_ptr<const file_format> f)
      : path_(std::move(path)), format_(std::move(f)) {}
  std::shared_ptr<storing_job> job_for(array_ref x) const override {
    return std::make_shared<new_file_job>(std::move(x), path_, format_);
  }
  target_ref part(std::vector<index_item> where) const override;

  const std::string path_;
  const std::shared_ptr<const file_format> format_;
};
class file_part_kind final : public target_kind {
 public:
  file_part_kind(const file_target_kind& of, file_region r)
      : path_(of.path_), format_(of.format_), r_(std::move(r)) {}
  std::shared_ptr<storing_job> job_for(array_ref x) const override {
    return std::make_shared<file_region_job>(std::move(x), path_, format_, r_);
  }
  target_ref part(std::vector<index_item>) const override { throw_part_of_part(path_); }

 private:
  const std::string path_;
  const std::shared_ptr<const file_format> format_;
  const file_region r_;
};
target_ref file_target_kind::part(std::vector<index_item> where) const {
  format_->check_part();
  return std::make_shared<const file_part_kind>(*this, region_by(std::move(where), path_));
}

class npy_format final : public file_format {
 public:
  npy_header header_for(const array_node& x, const std::string& path) const override {
    npy_header h;
    h.type = type_to_write(x, path);
    h.shape = extents_of(x.chunks);
    return h;
  }
  task<file> create(std::string path, npy_header& h) const override { return create_npy(std::move(path), h); }
  task<npy_header> look(file& f, const array_node&) const override { return read_npy_header(f); }
  bool has_header() const noexcept override { return true; }
};

}  // namespace

target_ref file_target(std::string path, std::shared_ptr<const file_format> format) {
  return std::make_shared<const file_target_kind>(fs::absolute(path).string(), std::move(format));
}

target_ref npy_target(std::string path) { return file_target(std::move(path), std::make_shared<const npy_format>()); }

}  // namespace weft::detail::arrays
