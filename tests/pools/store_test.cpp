// The store itself: one owner, migrations, transactions, disk full, sudden death.
#include "support.hpp"

#include "pools/store/migrations.hpp"
#include "pools/store/sql.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

namespace capstan::pools {
namespace {

using Store = StoreTest;

TEST_F(Store, KeepsItsDomainAndNumbers) {
    const auto domain = store().domain();
    EXPECT_EQ(domain.text.size(), 36U);
    const auto first = change([&](auto& transaction) { return Meta(store()).take_set(transaction); });
    open();
    EXPECT_EQ(store().domain(), domain);
    EXPECT_EQ(raw(change([&](auto& transaction) { return Meta(store()).take_set(transaction); })), raw(first) + 1);
}

TEST_F(Store, KeepsItsReservationKeyWhateverBecomesOfItsDomain) {
    const auto key = store().reservation_key();
    EXPECT_NE(key, 0U);
    change([&](auto& transaction) { return store().adopt_domain(transaction, Uuid{"01234567-89ab-4def-8123-456789abcdef"}); });
    open();
    EXPECT_EQ(store().reservation_key(), key);
    // A database of before the key was kept: what it has reserved stands under the beginning of its domain.
    change([&](auto& transaction) { return Meta(store()).clear(transaction, "reservation_key"); });
    open();
    EXPECT_EQ(store().reservation_key(), 0x0123456789ab4defU);
}

TEST_F(Store, RefusesASecondOwner) {
    auto second = StateStore::open(store().directory(), entropy_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().recovery, Recovery::change_request);
    EXPECT_NE(second.error().happened.find(fmt::format("(process {})", ::getpid())), std::string::npos)
        << to_text(second.error());
    EXPECT_NE(second.error().happened.find("another capstand"), std::string::npos);
}

TEST_F(Store, IsDurableByItsSettings) {
    auto one = [&](std::string_view pragma, std::string_view kind) {
        return std::move(must(store().database().query(pragma, {}, kind)).front());
    };
    EXPECT_EQ(one("PRAGMA journal_mode", "t").text(), "wal");
    EXPECT_EQ(one("PRAGMA synchronous", "i").integer(), 2);
    EXPECT_EQ(one("PRAGMA busy_timeout", "i").integer(), 0);
    EXPECT_EQ(one("PRAGMA foreign_keys", "i").integer(), 1);
}

TEST_F(Store, ATransactionWithoutCommitLeavesNothing) {
    {
        auto transaction = must(WriteTransaction::begin(store()));
        must(Meta(store()).set(transaction, "colour", "blue"));
        EXPECT_EQ(must(Meta(store()).get("colour")), "blue");
        auto inner = WriteTransaction::begin(store());
        EXPECT_FALSE(inner);
    }
    EXPECT_EQ(must(Meta(store()).get("colour")), std::nullopt);
    change([&](auto& transaction) { return Meta(store()).set(transaction, "colour", "red"); });
    EXPECT_EQ(must(Meta(store()).get("colour")), "red");
}

TEST_F(Store, RefusesANewerSchema) {
    must(store().database().execute("UPDATE schema_version SET version = 99"));
    const auto path = store().directory();
    store_.reset();
    auto opened = StateStore::open(path, entropy_);
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().happened.find("version 99"), std::string::npos) << to_text(opened.error());
}

TEST_F(Store, RefusesAFileThatIsNoDatabase) {
    const auto path = store().directory();
    store_.reset();
    for (auto* name : {"/state.db-wal", "/state.db-shm"}) std::filesystem::remove(path + name);
    std::ofstream(path + "/state.db") << std::string(8192, 'x');
    auto opened = StateStore::open(path, entropy_);
    ASSERT_FALSE(opened);
    EXPECT_NE(to_text(opened.error()).find("damaged"), std::string::npos) << to_text(opened.error());
}

TEST_F(Store, MigratesFromEveryOlderVersion) {
    const auto all = sql::migrations();
    for (std::size_t from = 0; from <= all.size(); ++from) {
        auto database = must(sql::Database::open(directory_.path() + "/from" + std::to_string(from)));
        must(sql::migrate(*database, all.first(from)));
        EXPECT_EQ(must(sql::schema_version(*database)), static_cast<int>(from));
        must(sql::migrate(*database, all));
        EXPECT_EQ(must(sql::schema_version(*database)), all.back().version);
        must(sql::migrate(*database, all));
        EXPECT_EQ(must(database->query("SELECT id FROM pools ORDER BY id", {}, "i")).size(), 3U);
    }
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].version, static_cast<int>(i) + 1);
}

TEST_F(Store, AFailedMigrationLeavesTheOldVersion) {
    static constexpr std::string_view kGood[] = {"CREATE TABLE one (id {id})"};
    static constexpr std::string_view kBad[] = {"CREATE TABLE two (id {id})", "NONSENSE"};
    const sql::Migration steps[] = {{1, "good", kGood}, {2, "bad", kBad}};
    auto database = must(sql::Database::open(directory_.path() + "/bad"));
    auto done = sql::migrate(*database, steps);
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().happened.find("version 2 (bad)"), std::string::npos);
    EXPECT_EQ(must(sql::schema_version(*database)), 1);
    EXPECT_FALSE(database->query("SELECT id FROM two", {}, "i"));
    EXPECT_TRUE(database->query("SELECT id FROM one", {}, "i"));
}

TEST_F(Store, AFullDiskIsAnErrorWithAdvice) {
    auto& database = store().database();
    auto pages = must(database.query("PRAGMA page_count", {}, "i"));
    must(database.execute(fmt::format("PRAGMA max_page_count = {}", pages.front().integer() + 2)));
    Result<void> result;
    int written = 0;
    for (; result && written < 10000; ++written) {
        auto transaction = must(WriteTransaction::begin(store()));
        result = Meta(store()).set(transaction, fmt::format("key{}", written), std::string(2000, 'x'));
        if (result) result = transaction.commit();
    }
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().recovery, Recovery::give_up);
    EXPECT_NE(result.error().happened.find("disk is full"), std::string::npos) << to_text(result.error());
    EXPECT_NE(result.error().advice.find("Make space"), std::string::npos);
    // After space was made it goes on, and what had been committed is there.
    must(database.execute("PRAGMA max_page_count = 100000"));
    change([&](auto& transaction) { return Meta(store()).set(transaction, "after", "yes"); });
    EXPECT_EQ(must(database.query("SELECT name FROM meta WHERE name LIKE 'key%'", {}, "t")).size(),
              static_cast<std::size_t>(written - 1));
}

TEST_F(Store, SetsAReserveAside) {
    const auto path = store().directory() + "/reserve";
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_GE(static_cast<std::uint64_t>(status.st_blocks) * 512, kReserveBytes);
    must(store().release_reserve());
    must(store().release_reserve());
    EXPECT_FALSE(std::filesystem::exists(path));
    must(store().restore_reserve());
    EXPECT_TRUE(std::filesystem::exists(path));
    // Nothing is given back while there is space, and what is missing is set aside again.
    store().make_room_to_record();
    EXPECT_TRUE(std::filesystem::exists(path));
    must(store().release_reserve());
    store().keep_reserve();
    EXPECT_GE(std::filesystem::file_size(path), kReserveBytes);
    EXPECT_FALSE(store().disk_is_full());
}

TEST_F(Store, CopiesItselfWhileInUse) {
    make_pool("Daily");
    const auto copy = directory_.path() + "/it's a copy";
    must(store().copy_to(copy));
    auto database = must(sql::Database::open(copy));
    EXPECT_EQ(must(database->query("SELECT name FROM pools WHERE id >= 10", {}, "t")).front().text(), "Daily");
    EXPECT_FALSE(store().copy_to(copy)) << "an existing file is not overwritten";
    auto transaction = must(WriteTransaction::begin(store()));
    EXPECT_FALSE(store().copy_to(copy + "2"));
}

TEST_F(Store, ADamagedRowIsAnErrorNotAGuess) {
    const auto id = add(cartridge("A00001L8", 1, kFreePool));
    must(store().database().execute("UPDATE sides SET state = 'sideways'"));
    auto row = Cartridges(store()).get(id);
    ASSERT_FALSE(row);
    EXPECT_NE(row.error().happened.find("sideways"), std::string::npos) << to_text(row.error());
}

// A child commits jobs and says so through a pipe until it is killed; nothing that it said may be missing.
TEST_F(Store, SurvivesSuddenDeath) {
    const auto path = store().directory();
    store_.reset();
    for (int round = 0; round < 5; ++round) {
        int pipe_ends[2];
        ASSERT_EQ(::pipe(pipe_ends), 0);
        const auto child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            auto opened = StateStore::open(path, entropy_);
            if (!opened) ::_exit(1);
            for (std::int64_t n = 0;; ++n) {
                auto transaction = WriteTransaction::begin(**opened);
                if (!transaction) ::_exit(2);
                Job job;
                job.name = std::to_string(n);
                auto id = Jobs(**opened).add(*transaction, job);
                if (!id || !transaction->commit()) ::_exit(3);
                const auto said = raw(*id);
                if (::write(pipe_ends[1], &said, sizeof said) != sizeof said) ::_exit(4);
                auto open_one = WriteTransaction::begin(**opened);  // and one that will never be committed
                if (open_one) static_cast<void>(Jobs(**opened).add(*open_one, Job{}));
            }
        }
        ::close(pipe_ends[1]);
        std::int64_t last = 0, said = 0;
        int heard = 0;
        while (heard < 3 + round * 4 && ::read(pipe_ends[0], &said, sizeof said) == sizeof said) last = said, ++heard;
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status)) << status;
        while (::read(pipe_ends[0], &said, sizeof said) == sizeof said) last = said;
        ::close(pipe_ends[0]);
        auto opened = must(StateStore::open(path, entropy_));
        EXPECT_TRUE(Jobs(*opened).get(JobId{last}));
        for (const auto& job : must(Jobs(*opened).newest(100000))) EXPECT_FALSE(job.name.empty()) << "never committed";
        EXPECT_EQ(must(opened->database().query("PRAGMA integrity_check", {}, "t")).front().text(), "ok");
    }
}

}  // namespace
}  // namespace capstan::pools
