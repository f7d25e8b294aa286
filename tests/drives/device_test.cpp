// The two devices and the watch over them.
#include "drives/scsi/supervised.hpp"
#include "drives/scsi/thread_device.hpp"
#include "tests/drives/simulated_library.hpp"

#include <condition_variable>
#include <mutex>

namespace capstan::scsi {
namespace {

using namespace std::chrono_literals;

// Answers GOOD; a command with operation code FFh blocks until it is let go.
class StubbornTransport final : public Transport {
  public:
    struct Gate {
        std::mutex mutex;
        std::condition_variable changed;
        bool open = false;
        bool inside = false;
        int commands = 0;  // that came back
    };
    explicit StubbornTransport(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}
    Result<ScsiReply> execute(const Cdb& cdb, DataOut, MutableBytes, std::chrono::milliseconds) override {
        if (cdb.bytes[0] == 0xFF) {
            std::unique_lock lock(gate_->mutex);
            gate_->inside = true;
            gate_->changed.notify_all();
            gate_->changed.wait(lock, [&] { return gate_->open; });
        }
        std::lock_guard lock(gate_->mutex);
        ++gate_->commands;
        return ScsiReply{};
    }

  private:
    std::shared_ptr<Gate> gate_;
};

Result<int> send_one(Transport& transport, std::uint8_t opcode, int answer) {
    Cdb cdb;
    cdb.bytes[0] = opcode;
    cdb.size = 6;
    CAPSTAN_CHECK(transport.execute(cdb, {}, {}, 60s));
    cdb.bytes[0] = 0;
    if (opcode == 0xFF) CAPSTAN_CHECK(transport.execute(cdb, {}, {}, 60s));  // as an operation of two commands
    return answer;
}

Task<void> ask(SupervisedDevice& device, std::uint8_t opcode, int number, std::vector<std::string>& answers) {
    std::move_only_function<Result<int>(Transport&)> operation = [opcode, number](Transport& transport) {
        return send_one(transport, opcode, number);
    };
    auto log = std::make_shared<CommandLog>();
    auto answer = co_await device.run<Result<int>>(std::move(operation), log);
    answers.push_back(answer ? std::to_string(**answer) : std::string(name_of(answer.error().recovery)));
}

template <class Done>
void wait_for(asio::io_context& context, Done done) {
    auto end = std::chrono::steady_clock::now() + 20s;
    while (!done() && std::chrono::steady_clock::now() < end) {
        context.restart();
        context.run_for(std::chrono::milliseconds{10});
    }
}

TEST(ThreadDevice, AnswersInOrderOfAsking) {
    asio::io_context context;
    Loop loop(context);
    SimClock clock{Wall{}};
    auto gate = std::make_shared<StubbornTransport::Gate>();
    auto thread = ThreadDevice::create(loop, std::make_unique<StubbornTransport>(gate), "drive T");
    SupervisedDevice device(loop, clock, thread, 30s);
    std::vector<std::string> answers;
    for (int i = 0; i < 50; ++i) loop.spawn(ask(device, 0, i, answers));
    wait_for(context, [&] { return answers.size() == 50; });
    ASSERT_EQ(answers.size(), 50U);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(answers[static_cast<std::size_t>(i)], std::to_string(i));
    EXPECT_TRUE(thread->close(5s));
}

TEST(ThreadDevice, IsLetGoOfWhenACommandNeverComesBack) {
    asio::io_context context;
    Loop loop(context);
    SimClock clock{Wall{}};
    auto gate = std::make_shared<StubbornTransport::Gate>();
    auto thread = ThreadDevice::create(loop, std::make_unique<StubbornTransport>(gate), "drive T");
    std::weak_ptr<ThreadDevice> watch = thread;
    SupervisedDevice device(loop, clock, thread, 30s);
    std::vector<std::string> answers;
    loop.spawn(ask(device, 0xFF, 1, answers));
    wait_for(context, [&] {
        std::lock_guard lock(gate->mutex);
        return gate->inside;
    });
    auto begin = clock.now();
    while (answers.empty() && clock.advance()) {
        context.restart();
        context.poll();
    }
    ASSERT_EQ(answers, (std::vector<std::string>{"stop-device"}));
    EXPECT_GE(clock.now() - begin, 90s) << "the command's own limit and the grace";
    EXPECT_LE(clock.now() - begin, 110s);
    auto fresh = ThreadDevice::create(loop, std::make_unique<StubbornTransport>(gate), "drive T");
    EXPECT_FALSE(device.replace(fresh)) << "what was sent could be carried out between commands of the new one";
    EXPECT_TRUE(device.given_up());
    thread.reset();
    EXPECT_FALSE(watch.expired()) << "its thread keeps what it needs";
    {
        std::lock_guard lock(gate->mutex);
        gate->open = true;
        gate->changed.notify_all();
    }
    wait_for(context, [&] { return watch.expired(); });
    EXPECT_TRUE(watch.expired());
    wait_for(context, [&] { return loop.running() == 0; });
    EXPECT_EQ(answers.size(), 1U) << "the late answer is dropped";
    EXPECT_EQ(gate->commands, 1) << "nothing more was sent for the operation that was given up";
    EXPECT_TRUE(device.replace(fresh));
    loop.spawn(ask(device, 0, 2, answers));
    wait_for(context, [&] { return answers.size() == 2; });
    EXPECT_EQ(answers.back(), "2");
    EXPECT_TRUE(fresh->close(10s)) << "its thread is done with the loop before that goes";
}

TEST(ThreadDevice, CloseDoesNotWaitForEver) {
    asio::io_context context;
    auto loop = std::make_unique<Loop>(context);
    SimClock clock{Wall{}};
    auto gate = std::make_shared<StubbornTransport::Gate>();
    auto thread = ThreadDevice::create(*loop, std::make_unique<StubbornTransport>(gate), "drive T");
    std::weak_ptr<ThreadDevice> watch = thread;
    std::vector<std::string> answers;
    {
        SupervisedDevice device(*loop, clock, thread, 30s);
        loop->spawn(ask(device, 0xFF, 1, answers));
        wait_for(context, [&] {
            std::lock_guard lock(gate->mutex);
            return gate->inside;
        });
        loop->stop();
        wait_for(context, [&] { return loop->running() == 0; });
    }
    EXPECT_EQ(answers, (std::vector<std::string>{"cancelled"}));
    EXPECT_FALSE(thread->close(10ms));
    thread.reset();
    loop.reset();  // what comes late finds the device closed and touches no loop
    {
        std::lock_guard lock(gate->mutex);
        gate->open = true;
        gate->changed.notify_all();
    }
    auto end = std::chrono::steady_clock::now() + 20s;
    while (!watch.expired() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    EXPECT_TRUE(watch.expired());
}

// Every command takes 7 s.
class SlowTransport final : public Transport {
  public:
    Result<ScsiReply> execute(const Cdb&, DataOut, MutableBytes, std::chrono::milliseconds) override {
        ScsiReply reply;
        reply.took = 7s;
        return reply;
    }
};

TEST(InlineDevice, LetsTheChargedTimePassBeforeItAnswers) {
    asio::io_context context;
    Loop loop(context);
    SimClock clock{Wall{}};
    SupervisedDevice device(loop, clock, std::make_shared<InlineDevice>(loop, clock, std::make_shared<SlowTransport>(), "drive S"), 30s);
    std::vector<std::string> answers;
    loop.spawn(ask(device, 0, 1, answers));
    loop.spawn(ask(device, 0, 2, answers));
    context.poll();
    EXPECT_TRUE(answers.empty());
    std::optional<Steady> first;
    while (answers.size() < 2 && clock.advance()) {
        context.restart();
        context.poll();
        if (answers.size() == 1 && !first) first = clock.now();
    }
    EXPECT_EQ(first, Steady{} + 7s);
    EXPECT_EQ(answers, (std::vector<std::string>{"1", "2"}));
    EXPECT_EQ(clock.now() - Steady{}, 14s);
}

}  // namespace
}  // namespace capstan::scsi
