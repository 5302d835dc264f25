// Values on their way to the disk and back.
#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/log.hpp"
#include "spill/store.hpp"
#include "weft/blocking.hpp"

namespace weft::detail {

namespace {

constexpr std::uint64_t batch_bytes = std::uint64_t{8} << 20;

// A record is: the size of the message, the number of attachments, their sizes, the message, the attachments.
struct record_of {
  explicit record_of(stored_value& v) : value(&v) {}
  stored_value* value;
  encoder message;
  std::vector<std::uint64_t> header;
  std::vector<std::span<const std::byte>> pieces;
  bool encoded = false;

  void lay_out() {
    header = {message.message().size(), message.attachments().size()};
    for (const auto& a : message.attachments()) header.push_back(a.size());
    pieces.push_back(std::as_bytes(std::span(header)));
    pieces.push_back(message.message());
    pieces.insert(pieces.end(), message.attachments().begin(), message.attachments().end());
    encoded = true;
  }
};

std::span<const std::byte> cut(std::span<const std::byte>& rest, std::uint64_t bytes) {
  if (bytes > rest.size()) throw spill_corrupt("weft: a spilled value ends before it should");
  const auto front = rest.first(bytes);
  rest = rest.subspan(bytes);
  return front;
}

std::uint64_t cut_number(std::span<const std::byte>& rest) {
  std::uint64_t n = 0;
  std::memcpy(&n, cut(rest, sizeof n).data(), sizeof n);
  return n;
}

void restore_from(std::span<const std::byte> record, const stored_value::operations& does, void* owner) {
  const std::uint64_t message_bytes = cut_number(record), count = cut_number(record);
  if (count > record.size() / sizeof(std::uint64_t)) throw spill_corrupt("weft: a spilled value has a broken header");
  std::vector<std::uint64_t> sizes(count);
  for (std::uint64_t& s : sizes) s = cut_number(record);
  const auto message = cut(record, message_bytes);
  std::vector<std::span<const std::byte>> attachments;
  attachments.reserve(count);
  for (const std::uint64_t s : sizes) attachments.push_back(cut(record, s));
  // Whoever wrote it is ourselves, and the checksum was right: any value that could be encoded comes back.
  constexpr std::uint64_t any = ~std::uint64_t{0};
  decoder d(message, attachments, {.expansion = any, .bytes = any, .empty_elements = any});
  does.restore(owner, d);
  d.finish();
}

}  // namespace

task<segment_store*> store::files() {
  auto making = co_await making_files_.lock();
  if (!files_) {
    spill_file_options o = options_.files;
    if (options_.own_directory) {
      // Named, and by reference: g++ 12 destroys captures twice in the expression of a co_await.
      auto make = [&o] { return std::make_unique<scratch_directory>(o.directory); };
      auto made = co_await blocking(make);
      o.directory = made->path();
      directory_ = std::move(made);
    }
    auto opened = std::make_unique<segment_store>(std::move(o));
    std::lock_guard guard(lock_);
    files_ = std::move(opened);
  }
  co_return files_.get();
}

/// Those whose next use is furthest, a batch of them; under the lock.
std::vector<stored_value*> store::choose_victims() {
  std::vector<stored_value*> victims;
  std::uint64_t bytes = 0;
  while (!dirty_.empty() && victims.size() < batch_limit_) {
    auto& v = static_cast<stored_value&>(dirty_.first());
    if (!victims.empty() && bytes + v.bytes_ > batch_bytes) break;
    pin(v);
    v.where_ = stored_value::place_of::writing;
    bytes += v.bytes_;
    victims.push_back(&v);
  }
  writing_bytes_ += bytes;
  return victims;
}

void store::stays_in_memory(stored_value& v, const char* why) {
  v.unspillable_ = true;
  const std::string of = v.does_->maker(v.owner_);
  log_once("unspillable " + of, "the result of " + of + " (" + std::to_string(v.bytes_) +
                                    " bytes) could not be encoded, and stays in memory, as others of it may: " + why);
}

/// Writes one batch; what is to be written after it, watch() says.
task<> store::write_behind() {
  std::vector<stored_value*> victims;
  std::uint64_t releases_before = 0;
  {
    std::lock_guard guard(lock_);
    victims = choose_victims();
    releases_before = releases_;
  }
  std::vector<record_of> records;
  records.reserve(victims.size());
  std::vector<spill_record> batch;
  std::exception_ptr error;
  try {
    for (stored_value* v : victims) {
      record_of& r = records.emplace_back(*v);
      try {
        v->does_->encode(v->owner_, r.message);
        r.lay_out();
      } catch (const std::bad_alloc&) {  // a smaller batch may do
        throw;
      } catch (const std::exception& e) {
        stays_in_memory(*v, e.what());
        continue;
      } catch (...) {
        stays_in_memory(*v, "what was thrown is no std::exception");
        continue;
      }
      spill_record& s = batch.emplace_back();
      s.pieces = r.pieces;
    }
    if (!batch.empty()) {
      segment_store* disk = co_await files();
      co_await disk->write(batch);
    }
  } catch (...) { error = std::current_exception(); }

  after then;
  bool sheds = false;
  {
    std::lock_guard guard(lock_);
    auto written = batch.begin();
    for (std::size_t i = 0; i < victims.size(); ++i) {
      stored_value& v = *victims[i];
      v.where_ = stored_value::place_of::memory;
      writing_bytes_ -= v.bytes_;
      if (!error && i < records.size() && records[i].encoded) {
        v.at_ = (written++)->where;
        v.on_disk_ = true;
        ++count_.spilled;
        count_.spilled_bytes += v.bytes_;
      }
      if (v.doomed_) {
        in_memory_ -= v.bytes_;
        forget(v);
        then.orphans.push_back(&v);
      } else {
        unpin(v);
      }
    }
    if (!error) {
      batch_limit_ = std::min(batch_limit_ * 2, most_in_batch);
      writer_limit_ = most_writers;
      disk_error_ = nullptr;
      failed_alone_ = false;
    } else if (victims.size() > 1) {
      batch_limit_ = victims.size() / 2;  // a batch is written whole or not at all: a smaller one may fit
    } else if (writers_ == 1 && releases_ == releases_before) {
      // Otherwise it is worth another try: some other's room may have been what was lacking. It is once so too, since
      // disks have errors that pass.
      if (failed_alone_) disk_error_ = error;
      failed_alone_ = !failed_alone_;
    }
    if (error) writer_limit_ = 1;
    --writers_;
    poll(then);
    sheds = to_shed_ != 0;
  }
  run(then, false);
  if (sheds) shed_written();
  look();
}

task<> store::load(stored_value& v) {
  const bool fetched = v.elsewhere_;
  std::exception_ptr error;
  bool broken = false, unreadable = false;
  try {
    if (v.elsewhere_) {
      co_await v.does_->fetch(v.owner_);
    } else {
      segment_store* disk = co_await files();
      const spilled record = co_await disk->read(v.at_);
      restore_from(record.bytes(), *v.does_, v.owner_);
    }
  } catch (const spill_corrupt&) {
    error = std::current_exception();
    broken = true;
  } catch (const codec_error&) {
    error = std::current_exception();
    broken = true;
  } catch (const std::system_error&) {
    error = std::current_exception();
    unreadable = true;
  } catch (...) { error = std::current_exception(); }
  bool wanted = true;
  if (error) {
    std::lock_guard guard(lock_);
    wanted = !v.doomed_;
  }
  const bool remade = error && wanted && !v.elsewhere_ && v.does_->remake(v.owner_);
  if (remade) error = nullptr;
  // Before those who asked for it hear of the error. What only could not be read may be there the next time, unless
  // it comes from elsewhere.
  if (error && wanted && !v.elsewhere_ && (broken || unreadable)) broken = v.does_->lost(v.owner_) || broken;

  after then;
  {
    std::lock_guard guard(lock_);
    if (remade) {
      files_->release(v.at_);
      ++releases_;
      v.on_disk_ = false;
      ++count_.remade;
    }
    --loads_;
    fetches_ -= fetched;
    loading_bytes_ -= v.bytes_;
    if (error) {
      in_memory_ -= v.bytes_;
      const bool lost = broken && !v.elsewhere_ && !(v.does_->remakable && v.does_->remakable(v.owner_));
      v.where_ = lost ? stored_value::place_of::lost : stored_value::place_of::disk;
      if (lost) v.error_ = error;
    } else {
      v.where_ = stored_value::place_of::memory;
      if (v.elsewhere_) {  // from here on it is a value like others
        v.elsewhere_ = v.on_disk_ = false;
      } else if (!remade) {
        ++count_.reloaded;
        count_.reloaded_bytes += v.bytes_;
      }
    }
    for (memory_request* r : std::exchange(v.loads_for_, {})) {
      if (error && !r->error) r->error = error;
      if (fetched && --r->fetching_ == 0 && !r->lasting) --fetching_;
      if (--r->loading_ != 0) continue;
      --on_their_way_;
      then.granted.push_back(r);
    }
    if (v.doomed_) {
      if (v.where_ == stored_value::place_of::memory) in_memory_ -= v.bytes_;
      forget(v);
      then.orphans.push_back(&v);
    } else if (v.pins_ == 0) {
      index(v);
    }
    poll(then);
  }
  run(then, false);
}

}  // namespace weft::detail
