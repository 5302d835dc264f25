// The cache of programs, and what may be offered.
#include "worker/program_store.hpp"

#include <sys/mount.h>
#include <sys/stat.h>

#include <cstring>

#include "worker/nanny/support.hpp"

using namespace nanny_test;
using weft::net::bad_program;
using weft::net::digest;
using weft::net::program_limits;
using weft::net::program_manifest;
using weft::net::program_store;
using weft::net::protocol_error;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

program_manifest::file file_of(const std::string& name, const std::string& text) {
  weft::net::sha256 d;
  d.add(bytes_of(text));
  return {name, text.size(), d.finish()};
}
void put(program_store& s, const std::string& name, const std::string& text) {
  s.receive(file_of(name, text))->add(0, bytes_of(text));
}

}  // namespace

TEST_CASE("a digest is SHA-256") {
  weft::net::sha256 d;
  d.add(bytes_of("abc"));
  CHECK(weft::net::hexadecimal(d.finish()) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a file is kept by its digest, and runs") {
  const test_directory d;
  program_store s({d / "a/cache"});
  const std::string text = "#!/bin/sh\nexit 5\n";
  const auto f = file_of("program", text);
  CHECK_FALSE(s.has(f));
  {
    auto in = s.receive(f);
    in->add(0, bytes_of(text).first(4));
    CHECK_FALSE(in->complete());
    CHECK_FALSE(s.has(f));
    in->add(4, bytes_of(text).subspan(4));
    CHECK(in->complete());
  }
  CHECK(s.has(f));
  CHECK(s.bytes() == text.size());
  struct stat st{};
  REQUIRE(::stat(s.directory().c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0700);
  program_manifest p;
  p.files = {f};
  const std::string where = s.assemble(p);
  CHECK(process(d, {where + "/program"}).end() == 5);
  s.remove(where);
  CHECK_FALSE(std::filesystem::exists(where));
  p.files.push_back(file_of("other", "x"));
  CHECK_THROWS_AS(s.assemble(p), bad_program);
}

TEST_CASE("what is not what it should be is not kept") {
  const test_directory d;
  program_store s({d / "cache"});
  const auto f = file_of("program", "right");
  CHECK_THROWS_WITH(s.receive(f)->add(0, bytes_of("wrong")), Catch::Contains("digest"));
  CHECK_FALSE(s.has(f));
  CHECK_THROWS_WITH(s.receive(f)->add(0, bytes_of("right and more")), Catch::Contains("of 5 are here"));
  CHECK_THROWS_WITH(s.receive(f)->add(3, bytes_of("ht")), Catch::Contains("0 of 5 are here"));
  s.receive(f)->add(0, bytes_of("rig"));  // truncated
  CHECK_FALSE(s.has(f));
  CHECK(s.bytes() == 0);
}

TEST_CASE("the longest unused makes room") {
  const test_directory d;
  program_store s({d / "cache", 10});
  put(s, "a", "aaaa");
  put(s, "b", "bbbb");
  CHECK(s.has(file_of("a", "aaaa")));  // used: b is older now
  put(s, "c", "cccc");
  CHECK(s.has(file_of("a", "aaaa")));
  CHECK_FALSE(s.has(file_of("b", "bbbb")));
  CHECK(s.bytes() == 8);
  CHECK_THROWS_WITH(s.receive(file_of("d", "more than ten")), Catch::Contains("worker.program_cache_limit"));
}

TEST_CASE("a cache that others can write to is refused") {
  const test_directory d;
  const std::string cache = d / "cache";
  std::filesystem::create_directory(cache);
  REQUIRE(::chmod(cache.c_str(), 0777) == 0);
  CHECK_THROWS_WITH(program_store({cache}), Catch::Contains("chmod 700"));
}

TEST_CASE("a full disk is said, and leaves nothing") {
  const test_directory d;
  const std::string small = d / "small";
  std::filesystem::create_directory(small);
  if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=64k,mode=0700") != 0) {
    WARN("no tmpfs can be mounted here: " << std::strerror(errno));
    return;
  }
  {
    program_store s({small});
    const std::string text(std::size_t{1} << 20, 'x');
    const auto f = file_of("large", text);
    CHECK_THROWS_WITH(s.receive(f)->add(0, bytes_of(text)),
                      Catch::Contains("No space left") && Catch::Contains("worker.program_cache"));
    CHECK_FALSE(s.has(f));
    put(s, "small", "fits");
    CHECK(s.has(file_of("small", "fits")));
  }
  CHECK(::umount(small.c_str()) == 0);
}

TEST_CASE("an offer is checked") {
  const auto offered = [](std::vector<std::uint64_t> sizes, const std::string& names, std::size_t digests) {
    const std::vector<std::byte> some(digests), build_id(20);
    weft::net::program_offer m{};
    m.sizes = sizes;
    m.names = names;
    m.digests = some;
    m.build_id = build_id;
    return program_manifest::from(m, {});
  };
  CHECK(offered({1, 2}, "a\nb\n", 64).files.size() == 2);
  CHECK_THROWS_AS(offered({}, "", 0), protocol_error);
  CHECK_THROWS_AS(offered({1}, "a\n", 31), protocol_error);
  CHECK_THROWS_AS(offered({1}, "a", 32), protocol_error);
  CHECK_THROWS_AS(offered({1}, "a\nb\n", 32), protocol_error);
  CHECK_THROWS_AS(offered({0}, "a\n", 32), protocol_error);
  CHECK_THROWS_AS(offered({1, 1}, "a\na\n", 64), protocol_error);
  CHECK_THROWS_AS(offered({UINT64_MAX, 2}, "a\nb\n", 64), protocol_error);
  for (const char* name : {"../a\n", ".\n", "..\n", "\n", "a/b\n", "/a\n", "a\tb\n"})
    CHECK_THROWS_AS(offered({1}, name, 32), protocol_error);
  CHECK_THROWS_AS(offered({1}, std::string(256, 'a') + "\n", 32), protocol_error);
}
