// Files that are damaged, foreign, read-only or not ours: one warning, and the work goes on.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "cache/database.h"
#include "cache/location.h"
#include "cache_support.h"

using namespace tenon;
using namespace tenon::cache_test;

namespace {

// Opens the cache, uses it and says how that went: "works in the file" or "works in generation 2",
// then the warnings.
std::string outcome(const std::string& file) {
  Watched watched(file);
  const std::string result = exercise(watched.cache, 7);
  const std::string path = watched.cache.summary().path;
  const std::string place = path.empty()   ? "memory"
                            : path == file ? "the file"
                            : path.starts_with(file + ".")
                                ? "generation " + path.substr(file.size() + 1)
                                : path;
  return result + " in " + place + "\n" + watched.warned();
}

std::string memory_outcome(const std::string& reason) {
  return "works in memory\ncache: " + reason + "; nothing is kept after this process\n";
}

// A sound file with a dozen rows of each kind, all of it in the main file.
std::string sound_file(const std::string& file) {
  Watched watched(file);
  for (int number = 100; number < 112; ++number) {
    exercise(watched.cache, number);
  }
  return file;
}

std::string as_nobody(const std::function<std::string()>& work) {
  return in_child([&] {
    if (setresgid(nobody, nobody, nobody) != 0 || setresuid(nobody, nobody, nobody) != 0) {
      return std::string("cannot become nobody");
    }
    return work();
  });
}

// Can this process give a folder to another user, and use it as that user? root can, but not in
// every container, and not if temporary files lie in a folder that only root may enter.
bool has_nobody() {
  const Folder folder;
  const bool can =
      geteuid() == 0 && chown(folder.path().c_str(), nobody, nobody) == 0 &&
      as_nobody([&] { return access(folder.path().c_str(), W_OK) == 0 ? "yes" : "no"; }) == "yes";
  if (!can) MESSAGE("skipped: here is no giving files away and becoming another user");
  return can;
}

void give_to(uid_t owner, const std::string& path) {
  REQUIRE(chown(path.c_str(), owner, static_cast<gid_t>(owner)) == 0);
}

// Writes `value` big-endian where SQLite's header keeps it.
void patch_header(const std::string& file, std::size_t place, unsigned value) {
  std::string bytes = contents(file);
  for (std::size_t byte = 0; byte < 4; ++byte) {
    bytes.at(place + byte) = static_cast<char>(value >> (24 - 8 * byte));
  }
  overwrite(file, bytes);
}

constexpr std::size_t header_version = 60;  // offset of user_version, fileformat2 section 1.3

}  // namespace

TEST_CASE("the file and its folder are created for the owner alone") {
  const Folder folder;
  const std::string file = folder / "a/b/tenon.sqlite";
  Watched watched(file);
  CHECK_FALSE(std::filesystem::exists(file));  // opened by the first use
  CHECK(exercise(watched.cache, 0) == "works");
  CHECK(watched.warnings.empty());
  const auto rights = [](const std::string& path) {
    return static_cast<unsigned>(std::filesystem::status(path).permissions());
  };
  CHECK(rights(folder / "a/b") == 0700);
  CHECK(rights(file) == 0600);
  CHECK(rights(file + "-wal") == 0600);
  CHECK(rights(file + "-shm") == 0600);
}

TEST_CASE("garbage is left as it is, and the next generation takes its place, with one warning") {
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  std::string damaged = file;
  for (int number = 2; number < 5; ++number) {
    const std::string garbage = "not a database " + std::to_string(number);
    overwrite(damaged, garbage);
    overwrite(damaged + "-wal", "nor a log");
    const std::string next = file + "." + std::to_string(number);
    const std::string works = "works in generation " + std::to_string(number) + "\n";
    CHECK(outcome(file) == works + "cache: " + damaged + " is damaged (file is not a database); " +
                               next + " takes its place\n");
    CHECK(contents(damaged) == garbage);
    CHECK(outcome(file) == works);
    CHECK(Cache(CacheOptions{file}).path() == next);
    damaged = next;
  }
}

TEST_CASE("damage to the last generation falls back to memory and says what to do") {
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  const std::string last = file + "." + std::to_string(cache::last_generation);
  const std::string remedy = ", and so are the files before it; delete them";
  overwrite(last, "not a database");
  CHECK(outcome(file) == memory_outcome(last + " is damaged (file is not a database)" + remedy));
  CHECK(contents(last) == "not a database");
  std::filesystem::remove(last);
  CHECK(outcome(file) == "works in the file\n");
}

TEST_CASE("a process that meets damage late joins the generation that another has started") {
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  Watched early(file), late(file);
  CHECK(exercise(early.cache, 1) == "works");
  CHECK(exercise(late.cache, 2) == "works");
  cache::Database(file).run("drop table schedule");
  CHECK(exercise(early.cache, 3) == "works");
  CHECK(early.warned() == "cache: " + file + " is damaged (no such table: schedule); " + file +
                              ".2 takes its place\n");
  CHECK(exercise(late.cache, 4) == "works");
  CHECK(late.warned() == "");
  CHECK(late.cache.find_artifact(artifact(3).key) == artifact(3));
  CHECK(late.cache.summary().path == file + ".2");
}

TEST_CASE("a generation that a killed process had just created is used") {
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  overwrite(file, "not a database");
  overwrite(file + ".2", "");
  CHECK(outcome(file) == "works in generation 2\n");
}

TEST_CASE("a file cut off at a page or in its header is left, and the next takes its place") {
  const Folder folder;
  const std::string whole = contents(sound_file(folder / "sound"));
  for (const std::size_t size : {std::size_t{99}, std::size_t{100}, std::size_t{4095},
                                 std::size_t{4096}, whole.size() / 2, whole.size() - 4096}) {
    CAPTURE(size);
    const std::string file = folder / ("cut" + std::to_string(size));
    overwrite(file, whole.substr(0, size));
    const std::string result = outcome(file);
    CHECK(result.starts_with("works in generation 2\ncache: " + file + " is damaged"));
    CHECK(std::count(result.begin(), result.end(), '\n') == 2);
    CHECK(contents(file).size() == size);
  }
}

TEST_CASE("a file cut off to nothing, or by less than a page, is used") {
  const Folder folder;
  const std::string whole = contents(sound_file(folder / "sound"));
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, whole.size() - 1}) {
    CAPTURE(size);
    const std::string file = folder / ("cut" + std::to_string(size));
    overwrite(file, whole.substr(0, size));
    CHECK(outcome(file) == "works in the file\n");
  }
}

TEST_CASE("a page of noise anywhere costs rows but no answer") {
  const Folder folder;
  const std::string whole = contents(sound_file(folder / "sound"));
  constexpr std::size_t page = 4096;
  REQUIRE(whole.size() % page == 0);
  for (std::size_t start = 0; start < whole.size(); start += page) {
    CAPTURE(start);
    const std::string file = folder / ("noise" + std::to_string(start));
    std::string bytes = whole;
    for (std::size_t place = start; place < start + page; ++place) {
      bytes[place] = static_cast<char>(place * 2654435761U >> 13);
    }
    overwrite(file, bytes);
    Watched watched(file);
    for (int number = 100; number < 112; ++number) {
      const auto found = watched.cache.find_schedule(device(), workload(number), "1");
      CHECK((!found || *found == schedule("split i")));
      const auto code = watched.cache.find_artifact(artifact(number).key);
      CHECK((!code || *code == artifact(number)));
    }
    CHECK(watched.warnings.size() <= 1);
    outcome(file);  // its stores may find damage that no look-up has met, and lose a row
    const std::string last = outcome(file);
    CHECK((last == "works in the file\n" || last == "works in generation 2\n"));
  }
}

TEST_CASE("code that has changed in the file is missed and its row removed") {
  const Folder folder;
  const std::string file = sound_file(folder / "tenon.sqlite");
  std::string bytes = contents(file);
  const ArtifactRow victim = artifact(105);
  const std::string code(reinterpret_cast<const char*>(victim.code.data()), 64);
  const std::size_t place = bytes.find(victim.meta);
  REQUIRE(place != std::string::npos);
  const std::size_t start = bytes.find(code, place);
  REQUIRE(start != std::string::npos);
  bytes[start + 17] ^= 1;
  overwrite(file, bytes);
  Watched watched(file);
  CHECK(std::ranges::count(artifact_keys(file), victim.key) == 1);
  CHECK_FALSE(watched.cache.find_artifact(victim.key).has_value());
  CHECK(std::ranges::count(artifact_keys(file), victim.key) == 0);
  CHECK(watched.cache.find_artifact(artifact(106).key) == artifact(106));
  CHECK(watched.warnings.empty());
}

TEST_CASE("a file of a later version is left as it is") {
  const Folder folder;
  const std::string file = sound_file(folder / "tenon.sqlite");
  patch_header(file, header_version, 99);
  const std::string before = contents(file);
  CHECK(outcome(file) == memory_outcome(file + " was written by a later version of Tenon"));
  CHECK(contents(file) == before);
}

TEST_CASE("a file of an earlier version is emptied and used") {
  const Folder folder;
  const std::string file = sound_file(folder / "tenon.sqlite");
  patch_header(file, header_version, 0);
  CHECK(outcome(file) == "works in the file\n");
  Watched watched(file);
  CHECK(watched.cache.summary().schedules == 1);
}

TEST_CASE("another program's database is left as it is") {
  const Folder folder;
  const std::string file = folder / "notes.sqlite";
  for (const std::string& foreign : {file, file + ".2"}) {
    overwrite(foreign, "");
    chmod(foreign.c_str(), 0600);
    cache::Database(foreign).run("create table notes(text); insert into notes values ('keep me')");
    const std::string before = contents(foreign);
    CHECK(outcome(file) == memory_outcome(foreign + " is a database of another program"));
    CHECK(contents(foreign) == before);
  }
}

TEST_CASE("a database that lost a table is damaged") {
  const Folder folder;
  const std::string file = sound_file(folder / "tenon.sqlite");
  cache::Database(file).run("drop table schedule");
  CHECK(outcome(file).starts_with("works in generation 2\ncache: " + file +
                                  " is damaged (no such table: schedule)"));
}

TEST_CASE("files and folders of another user are not opened") {
  if (!has_nobody()) return;
  const Folder folder;
  const std::string file = sound_file(folder / "tenon.sqlite");
  const std::string before = contents(file);
  give_to(nobody, file);
  CHECK(outcome(file) == memory_outcome("file " + file + " belongs to another user"));
  give_to(0, file);
  overwrite(file + "-wal", "");
  give_to(nobody, file + "-wal");
  CHECK(outcome(file) == memory_outcome("file " + file + "-wal belongs to another user"));
  std::filesystem::remove(file + "-wal");
  give_to(nobody, folder.path());
  CHECK(outcome(file) == memory_outcome("folder " + folder.path() + " belongs to another user"));
  give_to(0, folder.path());
  CHECK(contents(file) == before);
  CHECK(outcome(file) == "works in the file\n");
}

TEST_CASE("what other users can write is not opened, what they can read is closed to them") {
  const Folder folder;
  const std::string file = sound_file(folder / "tenon.sqlite");
  chmod(file.c_str(), 0660);
  CHECK(outcome(file) == memory_outcome("file " + file + " can be written by other users"));
  chmod(file.c_str(), 0644);
  CHECK(outcome(file) == "works in the file\n");
  CHECK(static_cast<unsigned>(std::filesystem::status(file).permissions()) == 0600);
  chmod(folder.path().c_str(), 0777);
  CHECK(outcome(file) ==
        memory_outcome("folder " + folder.path() + " can be written by every user"));
  chmod(folder.path().c_str(), 01777);  // as /tmp is
  CHECK(outcome(file) == "works in the file\n");
}

TEST_CASE("read-only files and folders fall back to memory") {
  const Folder folder;
  const std::string file = sound_file(folder / "tenon.sqlite");
  const auto check_both = [&](const auto& run) {
    chmod(file.c_str(), 0400);
    CHECK(run(file) == memory_outcome("file " + file + " is read-only"));
    chmod(file.c_str(), 0600);
    chmod(folder.path().c_str(), 0500);
    CHECK(run(file) == memory_outcome("folder " + folder.path() + " is read-only"));
    chmod(folder.path().c_str(), 0700);
    CHECK(run(file) == "works in the file\n");
  };
  if (geteuid() != 0) {
    check_both(outcome);
    return;
  }
  if (!has_nobody()) return;
  give_to(nobody, file);
  give_to(nobody, folder.path());
  check_both([](const std::string& path) { return as_nobody([&] { return outcome(path); }); });
}

TEST_CASE("a folder that cannot be made falls back to memory") {
  const Folder folder;
  overwrite(folder / "file", "");
  CHECK(outcome(folder / "file/tenon.sqlite") ==
        memory_outcome((folder / "file") + " is not a folder"));
  CHECK(outcome("/proc/tenon/tenon.sqlite")
            .starts_with("works in memory\ncache: folder /proc/tenon cannot be created"));
}

TEST_CASE("network and FUSE file systems are known by their type") {
  CHECK(cache::network_file_system(0x6969) == std::string("NFS"));
  CHECK(cache::network_file_system(0xff534d42) == std::string("CIFS"));
  CHECK(cache::network_file_system(0xffffffffff534d42) == std::string("CIFS"));  // sign-extended
  CHECK(cache::network_file_system(0x65735546) == std::string("FUSE"));
  CHECK(cache::network_file_system(0xef53) == nullptr);      // ext4
  CHECK(cache::network_file_system(0x794c7630) == nullptr);  // overlayfs
  CHECK(cache::network_file_system(0x01021994) == nullptr);  // tmpfs
}

TEST_CASE("the default place follows the environment") {
  const Folder folder;
  std::map<std::string, std::string> variables;
  const auto place = [&] {
    return in_child([&] {
      for (const char* name : {"TENON_CACHE", "XDG_CACHE_HOME", "HOME"}) {
        unsetenv(name);
      }
      for (const auto& [name, value] : variables) {
        setenv(name.c_str(), value.c_str(), 1);
      }
      const auto path = cache::default_path();
      return path ? cache::resolve_path(*path) : "nowhere";
    });
  };
  CHECK(place() == "nowhere");
  variables["HOME"] = "/home/ada";
  CHECK(place() == "/home/ada/.cache/tenon/tenon.sqlite");
  variables["XDG_CACHE_HOME"] = "relative";
  CHECK(place() == "/home/ada/.cache/tenon/tenon.sqlite");
  variables["XDG_CACHE_HOME"] = "/var/ada";
  CHECK(place() == "/var/ada/tenon/tenon.sqlite");
  variables["TENON_CACHE"] = "/elsewhere/my.db";
  CHECK(place() == "/elsewhere/my.db");
  variables["TENON_CACHE"] = "/elsewhere/";
  CHECK(place() == "/elsewhere/tenon.sqlite");
  variables["TENON_CACHE"] = folder.path();
  CHECK(place() == folder / "tenon.sqlite");
  variables["TENON_CACHE"] = ":memory:";
  CHECK(place() == (std::filesystem::current_path() / ":memory:").string());
  variables["TENON_CACHE"] = "";
  CHECK(place() == "");
}

TEST_CASE("a relative place in a folder that is gone is memory, with one warning") {
  CHECK(in_child([] {
          std::filesystem::current_path(Folder().path());
          Watched watched("cache.sqlite");
          const std::string outcome = exercise(watched.cache, 0);
          return outcome + "\n" + watched.warned();
        }) ==
        "works\ncache: file cache.sqlite cannot be created: No such file or directory; nothing is "
        "kept after this process\n");
}
