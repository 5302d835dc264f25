// Clients that send what is not what they have offered, and who may send at all.
#include <atomic>

#include "transport/program_manifest.hpp"
#include "weft/timeout.hpp"
#include "worker/nanny/support.hpp"

using namespace nanny_test;
using namespace weft::net;

namespace {

/// What a client of some program says, by hand.
class hand_made final : public link_handler {
 public:
  std::string text;  // the program's one file
  std::string name = "program";
  std::function<std::string(const program_wanted&, std::string)> alter = [](auto&, std::string s) { return s; };
  bool other_build_id = false;

  void received(peer_link& to, std::span<const std::byte> messages) override {
    batch_reader batch(messages);
    std::uint16_t kind = 0;
    while (batch.next(kind)) {
      if (kind == static_cast<std::uint16_t>(message_kind::program_failed)) {
        const auto m = batch.get<program_failed>();
        failed.assign(m.text.data(), m.text.size());
        over.set();
      }
      if (kind != static_cast<std::uint16_t>(message_kind::program_wanted)) continue;
      const auto m = batch.get<program_wanted>();
      if (m.file == no_file) {
        sha256 d;
        d.add(std::as_bytes(std::span(text)));
        program_manifest p;
        p.build_id = build_id();
        if (other_build_id) p.build_id[0] ^= std::byte{1};
        p.files = {{name, text.size(), d.finish()}};
        to.send_with([&](batch_writer& out) { p.write(out, 0); });
        continue;
      }
      const std::string bytes = alter(m, text.substr(m.offset, m.bytes));
      if (bytes == "bye") {
        to.close(bye_code::finished, "the test goes");
        continue;
      }
      program_chunk answer{};
      answer.file = m.file;
      answer.offset = m.offset;
      answer.bytes = std::as_bytes(std::span(bytes));
      to.send(answer);
    }
  }
  void ended(peer_link&, const std::string& reason, bool) override {
    why = reason;
    over.set();
  }
  static std::vector<std::byte> build_id() { return std::vector<std::byte>(20, std::byte{0x5a}); }

  std::string failed, why;
  weft::event over;
};

weft::task<> converse(weft::pool& p, std::string where, std::shared_ptr<hand_made> h) {
  greeting own;
  own.role = peer_role::client;
  own.name = "hand made";
  own.build_id = hand_made::build_id();
  own.incarnation = 7;
  const auto l = co_await peer_link::dial(p, parse_address(where), {}, own, {}, h);
  co_await weft::timeout(std::chrono::seconds(60), h->over.wait());
  l->close(bye_code::finished, "the test is done");
}
void converse(const scheduler& s, const std::shared_ptr<hand_made>& h) {
  weft::pool p({.threads = 1});
  p.run(converse(p, s.address, h));
}

/// A nanny that lacks the first file of every program, and never has it.
class slow_nanny final : public link_handler {
 public:
  void received(peer_link& to, std::span<const std::byte> messages) override {
    batch_reader batch(messages);
    std::uint16_t kind = 0;
    while (batch.next(kind)) {
      if (kind == static_cast<std::uint16_t>(message_kind::program_chunk)) receives = true;
      if (kind != static_cast<std::uint16_t>(message_kind::program_offer)) continue;
      const std::vector<std::uint32_t> first = {0};
      program_missing answer{};
      answer.program = batch.get<program_offer>().program;
      answer.files = first;
      to.send(answer);
    }
  }
  void ended(peer_link&, const std::string&, bool) override {}

  std::atomic<bool> receives{false};
};

weft::task<> be_nanny(weft::pool& p, std::string where, std::shared_ptr<slow_nanny> n, weft::event& goes) {
  greeting own;
  own.role = peer_role::nanny;
  own.name = "slow";
  own.incarnation = 8;
  const auto l = co_await peer_link::dial(p, parse_address(where), {}, own, {}, n);
  co_await goes.wait();
  l->close(bye_code::finished, "the test goes");
}

struct cluster {
  const test_directory d;
  scheduler s;
  process nanny{d,
                {WEFT_COMMAND, "worker", "--scheduler", s.address, "--program-cache", d / "cache", "--threads", "1"}};
};

}  // namespace

TEST_CASE("what does not have its digest is refused, and another try is taken") {
  cluster c;
  const auto bad = std::make_shared<hand_made>();
  bad->text = std::string(3'000'000, 'x');
  bad->alter = [](const program_wanted& m, std::string s) {
    if (m.offset != 0) s.back() = 'y';
    return s;
  };
  converse(c.s, bad);
  CHECK_THAT(bad->failed, Catch::Contains("instead of") && Catch::Contains("no worker runs this program"));
  const auto good = std::make_shared<hand_made>();
  good->text = bad->text;
  converse(c.s, good);
  CHECK_THAT(good->failed, Catch::Contains("program"));  // it has come, and cannot be started
  CHECK_THAT(good->failed, !Catch::Contains("instead of"));
}

TEST_CASE("a chunk that was not asked for like this ends the session") {
  cluster c;
  const auto bad = std::make_shared<hand_made>();
  bad->text = std::string(3'000'000, 'x');
  SECTION("too short") {
    bad->alter = [](const program_wanted&, std::string s) { return s.substr(1); };
  }
  SECTION("too long") {
    bad->alter = [](const program_wanted&, std::string s) { return s + "!"; };
  }
  converse(c.s, bad);
  CHECK_THAT(bad->why, Catch::Contains("asked was for"));
  // The cluster goes on.
  const auto next = std::make_shared<hand_made>();
  next->text = bad->text;
  converse(c.s, next);
  CHECK_FALSE(next->failed.empty());
}

TEST_CASE("another client goes on where one has gone") {
  cluster c;
  const auto goes = std::make_shared<hand_made>(), comes = std::make_shared<hand_made>();
  goes->text = comes->text = "#!/bin/sh\n" + std::string(3'000'000, '#') + "\nexit 2\n";
  goes->alter = [](const program_wanted& m, std::string s) { return m.offset == 0 ? s : "bye"; };
  converse(c.s, goes);
  converse(c.s, comes);
  CHECK_THAT(comes->failed, Catch::Contains("ends at once, with status 2"));
}

TEST_CASE("a program whose worker dies before it comes is refused, with its status") {
  cluster c;
  const auto dies = std::make_shared<hand_made>();
  dies->text = "#!/bin/sh\nexit 7\n";
  converse(c.s, dies);
  CHECK_THAT(dies->failed, Catch::Contains("no worker runs this program") && Catch::Contains("with status 7"));
  // Another client's try is taken.
  const auto again = std::make_shared<hand_made>();
  again->text = dies->text;
  converse(c.s, again);
  CHECK_THAT(again->failed, Catch::Contains("with status 7"));
}

TEST_CASE("when the last nanny that has not refused a program goes, its client is told") {
  const test_directory d;
  scheduler s;
  process refuses(
      d, {WEFT_COMMAND, "worker", "--scheduler", s.address, "--program-cache", d / "cache", "--program-limit", "1K"});
  const auto goes = std::make_shared<slow_nanny>();
  const auto waits = std::make_shared<hand_made>();
  waits->text = std::string(3'000'000, 'x');
  weft::event go;
  weft::pool p({.threads = 1});
  p.spawn(be_nanny(p, s.address, goes, go));
  REQUIRE(comes([&] { return s.server->nannies() == 2; }));
  p.spawn(converse(p, s.address, waits));
  REQUIRE(refuses.comes_to_say("a program is not taken"));
  REQUIRE(comes([&] { return goes->receives.load(); }));
  go.set();
  p.drain();
  CHECK_THAT(waits->failed, Catch::Contains("nobody takes it") && Catch::Contains("worker.program_limit"));
}

TEST_CASE("a worker that was asked to end is not killed by the nanny's first signal") {
  const test_directory d;
  scheduler s;
  process nanny(d, {WEFT_COMMAND, "worker", "--scheduler", s.address, "--program-cache", d / "cache", "--threads",
                    "1", "--program-idle", "10ms"});
  const auto goes = std::make_shared<hand_made>();
  goes->text = "#!/bin/sh\ntrap 'echo asked' TERM\necho there\nwhile [ ! -e " + (d / "go") +
               " ]; do sleep 0.01; done\necho ends in order\n";
  weft::pool p({.threads = 1});
  p.spawn(converse(p, s.address, goes));
  REQUIRE(nanny.comes_to_say("there\n"));
  goes->over.set();
  p.drain();
  REQUIRE(nanny.comes_to_say("asked\n"));
  nanny.signal(SIGTERM);
  CHECK(comes([&] { return s.server->nannies() == 0; }));  // it is about to end
  std::ofstream(d / "go") << "go";
  CHECK(nanny.end() == 0);
  CHECK(nanny.says("ends in order"));
}

TEST_CASE("a client offers its own program, with plain names") {
  cluster c;
  const auto bad = std::make_shared<hand_made>();
  bad->text = "x";
  std::string expected;
  SECTION("another build-id") {
    bad->other_build_id = true;
    expected = "another program than its own";
  }
  SECTION("a name that leads elsewhere") {
    bad->name = "../program";
    expected = "no plain name";
  }
  SECTION("nothing in it") {
    bad->text = "";
    expected = "is empty";
  }
  converse(c.s, bad);
  CHECK_THAT(bad->why, Catch::Contains(expected));
}
