#include "transport/certificates.hpp"

#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/test_directory.hpp"
#include "transport/openssl.hpp"
#include "transport/tls_identity.hpp"
#include "weft/errors.hpp"

using namespace weft::net;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

unsigned mode_of(const fs::path& file) {
  struct stat s{};
  REQUIRE(::stat(file.c_str(), &s) == 0);
  return s.st_mode & 0777u;
}

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const bad_certificate& e) { return e.what(); }
  return {};
}

std::string load_refusal(const fs::path& directory, peer_role role = peer_role::worker) {
  return refusal([&] { static_cast<void>(security::from_directory(directory, role)); });
}

}  // namespace

TEST_CASE("an authority and the certificates of the roles are made", "[transport][certificates]") {
  const test_directory dir;
  certificates_options options;
  options.hosts = {"node7", "10.0.0.7", "fd00::7"};
  options.days = 30;
  write_certificates(dir.path(), options);
  for (const char* name : {"ca", "client", "worker", "scheduler", "nanny"}) {
    CAPTURE(name);
    CHECK(mode_of(dir.path() / (std::string(name) + ".pem")) == 0644);
    CHECK(mode_of(dir.path() / (std::string(name) + "-key.pem")) == 0600);
  }
  const std::string pem = read_pem(dir.path() / "client.pem");
  const auto x = certificate_from_pem(pem, "client.pem");
  CHECK(X509_check_host(x.get(), "node7", 0, 0, nullptr) == 1);
  CHECK(X509_check_ip_asc(x.get(), "10.0.0.7", 0) == 1);
  CHECK(X509_check_ip_asc(x.get(), "fd00::7", 0) == 1);
  CHECK(X509_check_host(x.get(), "node8", 0, 0, nullptr) == 0);
  const auto said = describe(x.get());
  CHECK(said->role == peer_role::client);
  CHECK(said->name == "client");
  CHECK(said->may("programs"));
  CHECK(said->fingerprint.size() == 64);
  const auto worker = describe(certificate_from_pem(read_pem(dir.path() / "worker.pem"), "worker.pem").get());
  CHECK(worker->role == peer_role::worker);
  CHECK_FALSE(worker->may("programs"));

  for (const auto role : {peer_role::client, peer_role::worker, peer_role::scheduler, peer_role::nanny})
    CHECK(security::from_directory(dir.path(), role).has_identity());

  SECTION("the authority signs again") {
    const std::string before = read_pem(dir.path() / "ca.pem");
    write_certificates(dir.path(), options);
    CHECK(read_pem(dir.path() / "ca.pem") == before);
    CHECK(read_pem(dir.path() / "client.pem") != pem);
  }
  SECTION("half an authority is none") {
    fs::remove(dir.path() / "ca-key.pem");
    CHECK_THAT(refusal([&] { write_certificates(dir.path(), options); }), Contains("ca.pem without ca-key.pem"));
  }
}

TEST_CASE("a key is written to a new file, and not where a link leads", "[transport][certificates]") {
  const test_directory scratch;
  const fs::path key = scratch.path() / "key.pem", elsewhere = scratch.path() / "elsewhere";
  std::ofstream(elsewhere) << "kept";
  fs::create_symlink(elsewhere, key.string() + ".new" + std::to_string(::getpid()));
  const mode_t before = ::umask(0);
  write_pem(key, "secret", true);
  write_pem(key, "secret again", true);
  ::umask(before);
  CHECK(read_pem(elsewhere) == "kept");
  CHECK(read_pem(key) == "secret again");
  CHECK(fs::is_regular_file(fs::symlink_status(key)));
  CHECK(mode_of(key) == 0600);
  CHECK_THROWS_AS(write_pem(scratch.path() / "nowhere" / "key.pem", "secret", true), std::system_error);
}

TEST_CASE("an authority whose key is not kept has signed, and signs no more", "[transport][certificates]") {
  const test_directory scratch;
  certificates_options o;
  o.authority_key = false;
  write_certificates(scratch.path() / "certs", o);
  CHECK_FALSE(fs::exists(scratch.path() / "certs" / "ca-key.pem"));
  CHECK(load_refusal(scratch.path() / "certs").empty());
  CHECK_THAT(refusal([&] { write_certificates(scratch.path() / "certs", o); }), Contains("without ca-key.pem"));
}

TEST_CASE("what cannot stand in a certificate is refused", "[transport][certificates]") {
  const auto ca = certificate_authority::make("test", 10);
  const auto issue = [&](auto change) {
    certificate_options o;
    change(o);
    return refusal([&] { static_cast<void>(ca.issue(o)); });
  };
  CHECK_THAT(issue([](auto& o) { o.hosts = {"a,URI:weft://role/scheduler"}; }), Contains("host 'a,URI"));
  CHECK_THAT(issue([](auto& o) { o.hosts = {""}; }), Contains("host ''"));
  CHECK_THAT(issue([](auto& o) { o.rights = {"a b"}; }), Contains("right 'a b'"));
  CHECK_THAT(issue([](auto& o) { o.name = std::string(65, 'x'); }), Contains("64 characters"));
  const test_directory dir;
  certificates_options options;
  options.days = 0;
  CHECK_THAT(refusal([&] { write_certificates(dir.path(), options); }), Contains("0 days"));
}

TEST_CASE("files that are no identity are refused by their names", "[transport][certificates]") {
  const test_directory dir;
  CHECK_THAT(load_refusal(dir.path()), Contains("ca.pem") && Contains("weft certs"));
  write_certificates(dir.path(), {});

  SECTION("a key that others can read") {
    fs::permissions(dir.path() / "worker-key.pem", fs::perms::group_read, fs::perm_options::add);
    CHECK_THAT(load_refusal(dir.path()), Contains("worker-key.pem") && Contains("chmod 600"));
  }
  SECTION("the key of another certificate") {
    fs::copy_file(dir.path() / "nanny-key.pem", dir.path() / "worker-key.pem", fs::copy_options::overwrite_existing);
    CHECK_THAT(load_refusal(dir.path()), Contains("do not belong together"));
  }
  SECTION("another role") {
    fs::copy_file(dir.path() / "nanny.pem", dir.path() / "worker.pem", fs::copy_options::overwrite_existing);
    fs::copy_file(dir.path() / "nanny-key.pem", dir.path() / "worker-key.pem", fs::copy_options::overwrite_existing);
    CHECK_THAT(load_refusal(dir.path()), Contains("that of a nanny"));
  }
  SECTION("another authority") {
    write_pem(dir.path() / "ca.pem", certificate_authority::make("other", 3).certificate(), false);
    CHECK_THAT(load_refusal(dir.path()), Contains("'worker'") && Contains("not signed by the authority"));
  }
  SECTION("no certificate at all") {
    write_pem(dir.path() / "worker.pem", "nonsense", false);
    CHECK_THAT(load_refusal(dir.path()), Contains("holds no certificate"));
  }
  SECTION("no key at all") {
    write_pem(dir.path() / "worker-key.pem", "", true);
    CHECK_THAT(load_refusal(dir.path()), Contains("holds no key"));
  }
}

TEST_CASE("a temporary identity signs for every role", "[transport][certificates]") {
  const security cluster = security::temporary();
  CHECK(cluster.bare() == address_kind::tls);
  CHECK(security().bare() == address_kind::tcp);
  const security worker = cluster.for_role(peer_role::worker);
  const security handed_on = security::from_credentials(worker.pem());
  CHECK(handed_on.has_identity());
  CHECK_THROWS_AS(handed_on.for_role(peer_role::client), weft::misuse);
  CHECK_THROWS_AS(security().pem(), weft::misuse);
  const peer_certificate who =
      *describe(certificate_from_pem(worker.pem().certificate, "the worker's certificate").get());
  const peer_role scheduler[] = {peer_role::scheduler}, either[] = {peer_role::client, peer_role::worker};
  CHECK_NOTHROW(expect_role(who, either));
  CHECK_THAT(refusal([&] { expect_role(who, scheduler); }), Contains("'worker'") && Contains("that of a scheduler"));
}
