#include "cache/schema.h"

#include <fmt/format.h>

namespace tenon::cache {
namespace {

constexpr std::int64_t application = 0x54656e6f;  // "Teno": marks the file as ours in its header
constexpr std::int64_t version = 1;               // a change of the tables below is the next number

constexpr const char* tables = R"sql(
drop table if exists artifact;
drop table if exists schedule;
drop table if exists workload;
drop table if exists device;

create table device(
  id     text primary key,  -- device_id() of the next six columns
  kind   text not null,
  model  text not null,
  isa    text not null,
  caches text not null,
  cores  integer not null,
  driver text not null,
  probed text not null
) without rowid;

create table workload(
  id       integer primary key,
  hash     text not null,
  graph    text not null,
  shapes   text not null,
  types    text not null,
  numerics text not null,
  unique(hash, graph, shapes, types, numerics)  -- not by hash alone: two graphs may share one
);

create table schedule(
  workload     integer not null references workload,
  device       text not null references device,
  engine       text not null,
  moves        text not null,
  predicted_ns real not null,
  measured_ns  real not null,
  samples      integer not null,
  status       text not null,
  reason       text not null,
  primary key(workload, device, engine, moves)
) without rowid;

create table artifact(
  id       integer primary key,
  key      text not null unique,
  meta     text not null,
  checksum text not null,     -- over key, meta and code
  size     integer not null,  -- bytes of code and meta
  last_use integer not null,  -- seconds since 1970
  code     blob not null      -- last, so that a look at the others need not pass it
);
create index artifact_by_use on artifact(last_use, size);
)sql";

std::int64_t number(Database& database, const char* sql) {
  Query query(database, sql);
  return query.next() ? query.integer(0) : 0;
}

}  // namespace

Schema schema_of(Database& database) {
  if (number(database, "pragma application_id") != application) {
    const bool empty = number(database, "select count(*) from sqlite_schema") == 0;
    return empty ? Schema::absent : Schema::foreign;
  }
  const std::int64_t found = number(database, "pragma user_version");
  if (found == version) return Schema::current;
  return found > version ? Schema::newer : Schema::absent;
}

void create_schema(Database& database) {
  database.run("pragma auto_vacuum = incremental");  // before the first table, or it has no effect
  database.run("pragma journal_mode = wal");
  Transaction transaction(database);
  database.run(tables);
  database.run(fmt::format("pragma application_id = {}", application));
  database.run(fmt::format("pragma user_version = {}", version));
  transaction.commit();
}

}  // namespace tenon::cache
