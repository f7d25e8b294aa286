// The state database: one file, one owner, short synchronous transactions on the control thread. SQLite in WAL mode
// with synchronous=FULL, so a committed transaction survives a power cut. SQL is written in this folder only, in the
// subset that SQLite and PostgreSQL share; the dialect is in dialect.cpp. Errors: give_up with advice (disk full, file
// damaged, newer schema), change_request (another daemon owns it, a state does not allow the change).
#pragma once

#include "config/base/clock.hpp"
#include "config/base/error.hpp"
#include "config/base/file.hpp"
#include "config/base/ids.hpp"

#include <memory>
#include <string>

namespace capstan::pools {

namespace sql {
class Database;
}

class WriteTransaction;

inline constexpr std::uint64_t kReserveBytes = 16U << 20;  // unless a setting says otherwise

class StateStore {
  public:
    // `directory` is created if missing. Takes its lock for life, opens or makes `state.db`, brings the schema up to
    // date (each migration is one transaction), makes the reserve file.
    // reserve: bytes that are set aside for a full disk; 0: none.
    static Result<std::unique_ptr<StateStore>> open(const std::string& directory, Entropy& entropy,
                                                    std::uint64_t reserve = kReserveBytes);
    StateStore(const StateStore&) = delete;
    StateStore& operator=(const StateStore&) = delete;
    ~StateStore();

    const Uuid& domain() const { return domain_; }  // this installation; in every label
    // Under which this installation reserves robots and drives; not 0. Made once, never changed: what is reserved under another key
    // is another's.
    std::uint64_t reservation_key() const { return reservation_key_; }
    // The installation whose media these are goes on under its own id (catalog rebuild). Commit at once.
    Result<void> adopt_domain(WriteTransaction& transaction, const Uuid& domain);
    const std::string& directory() const { return directory_; }

    // A consistent copy (for the set that follows a job, and for an operator); synchronised. Not inside a transaction.
    Result<void> copy_to(const std::string& path);
    // The reserve is given back when the disk is full, so that the failure can be recorded, and set aside again when
    // there is space for it twice.
    Result<void> release_reserve();
    Result<void> restore_reserve();
    void make_room_to_record();  // before a failure is recorded: releases the reserve if the disk is full
    void keep_reserve();         // now and then: sets it aside again if it is missing and there is space
    bool disk_is_full() const;   // less than a quarter of the reserve's size is left beside it

    sql::Database& database() { return *database_; }  // for the repositories of this folder

  private:
    StateStore() = default;
    Result<void> read_identity(Entropy& entropy);
    std::uint64_t free_bytes() const;
    std::string directory_;
    std::uint64_t reserve_ = kReserveBytes;
    FileHandle lock_;
    std::unique_ptr<sql::Database> database_;
    Uuid domain_;
    std::uint64_t reservation_key_ = 0;
};

// BEGIN IMMEDIATE … COMMIT. One at a time, never kept across a co_await. Without commit() everything is undone when it
// goes out of scope; a failing ROLLBACK is logged and makes the next begin() fail, so that no error is lost.
class WriteTransaction {
  public:
    static Result<WriteTransaction> begin(StateStore& store);
    WriteTransaction(WriteTransaction&& other) noexcept : store_(std::exchange(other.store_, nullptr)) {}
    WriteTransaction& operator=(WriteTransaction&&) = delete;
    ~WriteTransaction();

    Result<void> commit();  // after an error nothing of it was kept
    StateStore& store() { return *store_; }
    sql::Database& database() { return store_->database(); }

  private:
    explicit WriteTransaction(StateStore& store) : store_(&store) {}
    StateStore* store_;  // null: over
};

}  // namespace capstan::pools
