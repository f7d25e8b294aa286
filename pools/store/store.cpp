#include "pools/store/store.hpp"

#include "config/base/log.hpp"
#include "config/base/uuid.hpp"
#include "pools/store/dialect.hpp"
#include "pools/store/meta.hpp"
#include "pools/store/migrations.hpp"
#include "pools/store/sql.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace capstan::pools {
namespace {

constexpr auto kFullDiskAdvice =
    "Make space on the file system of the state directory; nothing that was committed is lost.";

Result<FileHandle> take_lock(const std::string& directory) {
    const auto path = directory + "/lock";
    CAPSTAN_TRY(auto file, open_file(path, O_RDWR | O_CREAT));
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return fail_errno(errno, fmt::format("cannot lock {}", path));
        std::string owner(32, '\0');
        const auto got = ::pread(file.get(), owner.data(), owner.size(), 0);
        owner.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return fail(Recovery::change_request,
                    fmt::format("state directory {}: another capstand{} owns it", directory,
                                owner.empty() ? "" : fmt::format(" (process {})", owner)),
                    "Stop that one first, or give this one another state directory.");
    }
    // Whose it is, for the message above; the lock itself is what counts.
    const auto owner = fmt::format("{}", ::getpid());
    if (::ftruncate(file.get(), 0) != 0)
        return fail_errno(errno, fmt::format("cannot write {}", path), kFullDiskAdvice);
    auto written = write_all(file.get(), bytes_of(owner), 0, path);
    if (!written) log::warning("lock file not written", {{"error", to_text(written.error())}});
    return file;
}

Result<void> make_reserve(const std::string& path, std::uint64_t size) {
    CAPSTAN_TRY(auto file, open_file(path, O_RDWR | O_CREAT));
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) return fail_errno(errno, fmt::format("cannot examine {}", path));
    // Really allocated, not a hole.
    if (static_cast<std::uint64_t>(status.st_blocks) * 512 >= size) return {};
    const int error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(size));
    if (error != 0) {
        ::unlink(path.c_str());  // a part of it is no reserve, and takes the last space
        return fail_errno(error, fmt::format("cannot set {} MiB aside in {}", size >> 20, path), kFullDiskAdvice);
    }
    return {};
}

// The first 64 bits of a UUID.
std::string hex_digits(std::string uuid) {
    constexpr std::size_t kDigits = 16;
    std::erase(uuid, '-');
    return uuid.substr(0, kDigits);
}

}  // namespace

Result<std::unique_ptr<StateStore>> StateStore::open(const std::string& directory, Entropy& entropy,
                                                     std::uint64_t reserve) {
    CAPSTAN_CHECK(make_directories(directory));
    std::unique_ptr<StateStore> store(new StateStore());
    store->directory_ = directory;
    store->reserve_ = reserve;
    CAPSTAN_TRY(store->lock_, take_lock(directory));
    const bool fresh = ::access((directory + "/state.db").c_str(), F_OK) != 0;
    CAPSTAN_TRY(store->database_, sql::Database::open(directory + "/state.db"));
    CAPSTAN_CHECK(sql::migrate(*store->database_, sql::migrations()));
    if (fresh) CAPSTAN_CHECK(sync_directory(directory));

    CAPSTAN_CHECK(store->read_identity(entropy));
    // A full disk does not keep the daemon from starting: what is committed can still be read and restored.
    if (auto made = store->restore_reserve(); !made)
        log::warning("reserve-not-made", {{"error", to_text(made.error())}});
    return store;
}

// Both are made once. Databases of before the key was kept used the first 64 bits of the domain: under that key stands what they reserved.
Result<void> StateStore::read_identity(Entropy& entropy) {
    Meta meta(*this);
    CAPSTAN_TRY(auto domain, meta.get("domain_id"));
    CAPSTAN_TRY(auto key, meta.get("reservation_key"));
    if (!domain || !key) {
        CAPSTAN_TRY(auto transaction, WriteTransaction::begin(*this));
        if (!key) {
            key = hex_digits(domain ? *domain : make_uuid(entropy).text);
            CAPSTAN_CHECK(meta.set(transaction, "reservation_key", *key));
        }
        if (!domain) {
            domain = make_uuid(entropy).text;
            CAPSTAN_CHECK(meta.set(transaction, "domain_id", *domain));
        }
        CAPSTAN_CHECK(transaction.commit());
    }
    domain_ = Uuid{*domain};
    std::from_chars(key->data(), key->data() + key->size(), reservation_key_, 16);
    reservation_key_ = std::max<std::uint64_t>(reservation_key_, 1);
    return {};
}

StateStore::~StateStore() = default;

Result<void> StateStore::adopt_domain(WriteTransaction& transaction, const Uuid& domain) {
    CAPSTAN_CHECK(Meta(*this).set(transaction, "domain_id", domain.text));
    domain_ = domain;
    return {};
}

Result<void> StateStore::copy_to(const std::string& path) {
    if (database_->in_transaction)
        return fail(Recovery::change_request,
                    fmt::format("cannot copy the state database to {} inside a transaction", path));
    CAPSTAN_CHECK(database_->execute(sql::copy_statement(path)));
    CAPSTAN_TRY(auto file, open_file(path, O_RDONLY));
    if (::fsync(file.get()) != 0) return fail_errno(errno, fmt::format("cannot synchronise {}", path));
    const auto slash = path.rfind('/');
    return sync_directory(slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash));
}

Result<void> StateStore::release_reserve() {
    const auto path = directory_ + "/reserve";
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, fmt::format("cannot remove {}", path));
    return {};
}

Result<void> StateStore::restore_reserve() {
    return reserve_ == 0 ? release_reserve() : make_reserve(directory_ + "/reserve", reserve_);
}

std::uint64_t StateStore::free_bytes() const {
    struct statvfs status{};
    if (::statvfs(directory_.c_str(), &status) != 0) return ~std::uint64_t{0};  // what cannot be asked stops nothing
    return std::uint64_t{status.f_bavail} * status.f_frsize;
}

bool StateStore::disk_is_full() const { return free_bytes() < std::max(reserve_, kReserveBytes) / 4; }

void StateStore::make_room_to_record() {
    if (!disk_is_full() || ::access((directory_ + "/reserve").c_str(), F_OK) != 0) return;
    auto released = release_reserve();
    log::error("disk-full",
               {{"directory", directory_}, {"reserve", released ? "released" : to_text(released.error())}});
}

void StateStore::keep_reserve() {
    if (reserve_ == 0 || ::access((directory_ + "/reserve").c_str(), F_OK) == 0 || free_bytes() < 2 * reserve_) return;
    auto made = restore_reserve();
    log::info("reserve-set-aside", {{"directory", directory_}, {"outcome", made ? "done" : to_text(made.error())}});
}

Result<WriteTransaction> WriteTransaction::begin(StateStore& store) {
    auto& database = store.database();
    if (database.in_transaction)
        return fail(Recovery::give_up, "state database: a transaction was begun inside another one",
                    "This is a fault of the program; keep the log and report it.");
    CAPSTAN_CHECK(database.execute(sql::kBegin));
    database.in_transaction = true;
    return WriteTransaction(store);
}

WriteTransaction::~WriteTransaction() {
    if (!store_) return;
    auto& database = store_->database();
    database.in_transaction = false;
    // After some errors (disk full) SQLite has undone it already, and says so here. If it was not undone, the next
    // begin is refused by SQLite itself.
    if (auto undone = database.execute("ROLLBACK"); !undone)
        log::debug("rollback", {{"answer", to_text(undone.error())}});
}

Result<void> WriteTransaction::commit() {
    if (!store_) return fail(Recovery::give_up, "state database: a transaction was committed twice");
    auto& database = store_->database();
    CAPSTAN_CHECK(database.execute("COMMIT"));  // if it fails the destructor undoes it
    database.in_transaction = false;
    store_ = nullptr;
    log::debug("committed");
    return {};
}

}  // namespace capstan::pools
