// The four tables, and whether a file has them. Used by connection.cpp when it opens a file.
//
// device and workload name what a schedule is for; schedule holds every schedule that was picked or
// tried; artifact stands alone, found by a key that covers everything behind its code.
#pragma once

#include "cache/database.h"

namespace tenon::cache {

// How a file stands to this version of Tenon.
enum class Schema {
  current,  // our tables as we know them
  absent,   // an empty file, or our tables of an earlier version: create_schema may be called
  newer,    // written by a later version: not to be touched
  foreign,  // another program's database: not to be touched
};

// Requires nothing of the file; throws DatabaseError (damaged) if it is no database.
Schema schema_of(Database& database);

// Requires Schema::absent and that no other process opens the file meanwhile (FolderLock).
// Ensures Schema::current and, for a file, that readers and writers do not block each other (WAL).
void create_schema(Database& database);

}  // namespace tenon::cache
