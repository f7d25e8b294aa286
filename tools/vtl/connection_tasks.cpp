// SCSI commands of a session: their data, their way through the units, their answers, task management.
#include "tools/vtl/connection.hpp"

#include "drives/scsi/sense.hpp"
#include "tools/vtl/target.hpp"

#include <algorithm>

namespace capstan::iscsi {
namespace {

constexpr std::size_t kTasksMax = 64;
constexpr std::uint32_t kTransferMax = 32u << 20;  // of one command; drives take 16 MiB at most
using scsi::Status;

std::vector<std::uint8_t> sense_data(const Sense& sense) {
    const auto encoded = scsi::encode_sense(sense, scsi::SenseFormat::fixed);
    const auto bytes = encoded.bytes();
    std::vector<std::uint8_t> data{static_cast<std::uint8_t>(bytes.size() >> 8), static_cast<std::uint8_t>(bytes.size())};
    data.insert(data.end(), bytes.begin(), bytes.end());
    return data;
}

// RFC 7143 clause 11.4.5: how much less was moved than the initiator expected, or how much more the command was about.
template <class Pdu>
void note_residual(Pdu& pdu, const Task& task, std::size_t moved) {
    if (task.wanted > task.expected) {
        pdu.flags |= flag::kOverflow;
        pdu.residual = BigEndian<4>{task.wanted - task.expected};
    } else if (moved < task.expected) {
        pdu.flags |= flag::kUnderflow;
        pdu.residual = BigEndian<4>{task.expected - moved};
    }
}

// A block: carried out by the thread that read the command.
bool moves_a_block(const Task& task) {
    const auto opcode = static_cast<scsi::Opcode>(task.cdb.bytes[0]);
    return opcode == scsi::Opcode::read_6 || opcode == scsi::Opcode::write_6;
}

std::shared_ptr<Task> task_of(const ScsiCommandPdu& pdu) {
    auto task = std::make_shared<Task>();
    task->tag = static_cast<std::uint32_t>(pdu.task_tag.value());
    task->lun = pdu.lun;
    task->unit = unit_number(pdu.lun).value_or(0xFF);  // no such unit: the library says so
    task->cdb.bytes = pdu.cdb;
    const auto size = scsi::cdb_size_of_group(pdu.cdb[0]);
    task->cdb.size = size != 0 ? size : 16;
    task->reads = scsi::has(pdu.flags, flag::kRead);
    task->writes = scsi::has(pdu.flags, flag::kWrite);
    task->expected = static_cast<std::uint32_t>(pdu.expected_length.value());
    if (!task->reads && !task->writes) task->expected = 0;
    return task;
}

}  // namespace

bool Connection::command(const Incoming& incoming) {
    const auto pdu = as<ScsiCommandPdu>(incoming.header);
    auto task = task_of(pdu);
    const bool too_long = task->expected > kTransferMax || (task->reads && task->writes);
    if (!too_long && incoming.data_size > (task->writes ? task->expected : 0)) return false;
    if (incoming.data_size > 0 && !agreed_.immediate_data) return false;
    if (!too_long && task->expected > 0) task->memory = memory_.take(task->expected);
    const auto immediate = task->data().first(too_long ? 0 : incoming.data_size);
    if (too_long ? !skip_data(incoming.data_size) : !read_data(immediate)) return false;
    const bool sequence_ended = scsi::has(pdu.flags, flag::kFinal);
    {
        std::lock_guard lock(mutex_);
        if (tasks_.size() >= kTasksMax) return false;  // immediate commands pass the window
        ++pending_;
        if (!tasks_.emplace(task->tag, task).second) return false;  // the tag is in use
        task->received = static_cast<std::uint32_t>(immediate.size());
        task->asked_until = std::min(task->expected, agreed_.first_burst_max);
        task->transfer_tag = kNoTag;
    }
    if (too_long) {
        constexpr SenseCode kInvalidField{0x5, 0x24, 0x00};
        answer(*task, virtual_library::VirtualLibrary::Answered{Status::good, {Sense{.code = kInvalidField, .information = {}}, 0, {}}});
        return true;
    }
    return more_or_run(task, sequence_ended || agreed_.first_ready_needed);
}

bool Connection::data_out(const Incoming& incoming) {
    const auto pdu = as<DataOutPdu>(incoming.header);
    std::shared_ptr<Task> task;
    {
        std::lock_guard lock(mutex_);
        auto found = tasks_.find(static_cast<std::uint32_t>(pdu.task_tag.value()));
        if (found != tasks_.end()) task = found->second;
    }
    if (!task) return skip_data(incoming.data_size);  // of a task that was aborted or refused
    const auto size = static_cast<std::uint32_t>(incoming.data_size);
    const bool in_order = task->writes && pdu.offset.value() == task->received && pdu.transfer_tag.value() == task->transfer_tag &&
                          pdu.data_sn.value() == task->data_sn &&
                          size <= task->asked_until - std::min(task->received, task->asked_until);
    if (!in_order) return skip_data(incoming.data_size) && reject(incoming.header, RejectReason::protocol_error) && false;
    if (!read_data(task->data().subspan(task->received, size))) return false;
    task->received += size;
    ++task->data_sn;
    return more_or_run(task, scsi::has(pdu.flags, flag::kFinal));
}

// All data are there: it runs. A sequence has ended before: the next is asked for.
bool Connection::more_or_run(const std::shared_ptr<Task>& task, bool sequence_ended) {
    std::unique_lock lock(mutex_);
    if (!task->writes || task->received == task->expected) {
        const bool alone = tasks_.size() == 1;  // nothing of this session comes before it
        if (alone && moves_a_block(*task) && readers_.relieved(shared_from_this())) {
            lock.unlock();
            readers_.carry_out([&] { run(*task); });
            return true;
        }
        auto& queue = queues_[task->unit];
        if (!queue) queue = UnitQueue::create([self = shared_from_this()](Task& ready) { self->run(ready); });
        queue->add(task);
        return true;
    }
    if (!sequence_ended) return true;
    const auto wanted = std::min(task->expected - task->received, agreed_.burst_max);
    task->asked_until = task->received + wanted;
    task->transfer_tag = next_transfer_tag_++;
    task->data_sn = 0;
    if (next_transfer_tag_ == kNoTag) next_transfer_tag_ = 1;
    ReadyToTransferPdu pdu;
    pdu.lun = task->lun;
    pdu.task_tag = BigEndian<4>{task->tag};
    pdu.transfer_tag = BigEndian<4>{task->transfer_tag};
    number(pdu);
    --status_sn_;  // an R2T names the next number and leaves it
    pdu.ready_sn = BigEndian<4>{task->ready_sn++};
    pdu.offset = BigEndian<4>{task->received};
    pdu.desired_length = BigEndian<4>{wanted};
    return send(pdu);
}

// On the unit's thread, or on the reading one.
void Connection::run(Task& task) {
    const auto unit = target_->unit_of_library(task.unit);
    if (unit) target_->stalls().pass(*unit, task.aborted);
    else task.wanted = virtual_library::Disk::length_of(task.cdb).value_or(0);
    if (task.aborted) return;
    const std::array<Bytes, 1> out{task.data()};
    const scsi::DataOut data_out = task.writes ? scsi::DataOut(out) : scsi::DataOut{};
    const auto data_in = task.reads ? task.data() : MutableBytes{};
    answer(task, target_->serve(nexus_, task.unit, task.cdb, data_out, data_in));
}

void Connection::answer(Task& task, Result<virtual_library::VirtualLibrary::Answered> answered) {
    std::lock_guard lock(mutex_);
    auto own = tasks_.find(task.tag);
    if (task.aborted || own == tasks_.end() || own->second.get() != &task) return;
    const auto keep = own->second;
    tasks_.erase(own);
    --pending_;
    // No reply is what an initiator gets from a device that hangs or went away; its own clock ends the command.
    if (!answered) return;
    const auto& reply = answered->reply;
    const auto moved = std::min<std::size_t>(reply.transferred, task.expected);
    const bool with_status = !reply.sense && answered->status == Status::good;
    if (task.reads && moved > 0) {
        if (!send_read_data(task, moved, with_status) || with_status) return;
    }
    ScsiResponsePdu pdu;
    pdu.task_tag = BigEndian<4>{task.tag};
    note_residual(pdu, task, moved);
    std::vector<std::uint8_t> data;
    pdu.status = raw(answered->status);
    if (reply.sense) {
        pdu.status = raw(Status::check_condition);
        data = sense_data(*reply.sense);
    }
    number(pdu);
    send(pdu, data);
}

// With mutex_ held. The last one brings the status where that is GOOD.
bool Connection::send_read_data(const Task& task, std::size_t size, bool with_status) {
    const Bytes all = task.data().first(size);
    std::uint32_t data_sn = 0;
    for (std::size_t at = 0, sequence_end = agreed_.burst_max; at < size; ++data_sn) {
        const auto length = std::min({size - at, std::size_t{agreed_.send_max}, sequence_end - at});
        DataInPdu pdu;
        pdu.task_tag = BigEndian<4>{task.tag};
        pdu.data_sn = BigEndian<4>{data_sn};
        pdu.offset = BigEndian<4>{at};
        const bool last = at + length == size;
        if (last || at + length == sequence_end) pdu.flags |= flag::kFinal;
        if (last && with_status) {
            pdu.flags |= flag::kStatus;
            number(pdu);
            note_residual(pdu, task, size);
        } else {
            pdu.expected_command_sn = BigEndian<4>{expected_sn_};
            pdu.max_command_sn = BigEndian<4>{max_command_sn()};
        }
        if (!send(pdu, all.subspan(at, length))) return false;
        at += length;
        if (at == sequence_end) sequence_end += agreed_.burst_max;
    }
    return true;
}

// --- task management ---

std::size_t Connection::abort_tasks(std::optional<std::uint8_t> unit) {
    std::lock_guard lock(mutex_);
    return std::erase_if(tasks_, [&](const auto& entry) {
        if (unit && entry.second->unit != *unit) return false;
        entry.second->aborted = true;
        --pending_;
        return true;
    });
}

TaskAnswer Connection::manage_tasks(const TaskRequestPdu& request) {
    const auto unit = unit_number(request.lun);
    const bool exists = unit && *unit < target_->units();
    switch (static_cast<TaskFunction>(request.flags & 0x7F)) {
        case TaskFunction::abort_task: {
            std::lock_guard lock(mutex_);
            auto found = tasks_.find(static_cast<std::uint32_t>(request.referenced_tag.value()));
            if (found == tasks_.end()) return TaskAnswer::no_task;
            found->second->aborted = true;
            tasks_.erase(found);
            --pending_;
            return TaskAnswer::complete;
        }
        case TaskFunction::abort_task_set:
            if (!exists) return TaskAnswer::no_unit;
            abort_tasks(unit);
            return TaskAnswer::complete;
        case TaskFunction::clear_task_set:
            if (!exists) return TaskAnswer::no_unit;
            target_->clear_tasks(*unit, nexus_);
            return TaskAnswer::complete;
        case TaskFunction::logical_unit_reset:
            if (!exists) return TaskAnswer::no_unit;
            target_->reset_unit(*unit);
            return TaskAnswer::complete;
        case TaskFunction::target_warm_reset:
        case TaskFunction::target_cold_reset:
            for (std::uint8_t each = 0; each < target_->units(); ++each) target_->reset_unit(each);
            return TaskAnswer::complete;
        case TaskFunction::task_reassign: return TaskAnswer::no_reassign;
        case TaskFunction::clear_aca: break;
    }
    return TaskAnswer::not_supported;
}

bool Connection::manage(const AnyHeader& header) {
    TaskResponsePdu pdu;
    pdu.task_tag = header.task_tag;
    pdu.response = raw(manage_tasks(as<TaskRequestPdu>(header)));
    std::lock_guard lock(mutex_);
    number(pdu);
    return send(pdu);
}

}  // namespace capstan::iscsi
