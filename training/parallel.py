"""One process for each core. PyTorch's own threads wait for one another at every layer, these only once a step."""

import os

import torch
import torch.distributed as dist


def setting():
    """Environment of a process that trains on a CPU: glibc keeps the memory that each step frees, and asks for large pages."""
    return {
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
        "MALLOC_TOP_PAD_": str(64 << 20),
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
    }


def join(rank, processes, meeting_point):
    """Joins the processes of a run; meeting_point is a file that is not there yet."""
    torch.set_num_threads(1)
    if processes > 1:
        dist.init_process_group("gloo", init_method=f"file://{os.path.abspath(meeting_point)}", rank=rank, world_size=processes)


def mean_gradients(net, processes):
    """Gives every process the mean of all gradients."""
    if processes == 1:
        return
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    dist.all_reduce(flat)
    flat /= processes
    for g, mean in zip(gradients, flat.split([g.numel() for g in gradients])):
        g.copy_(mean.view_as(g))


def same_statistics(net, processes):
    """Gives every process the first one's means and variances of batch norm."""
    if processes > 1:
        for buffer in net.buffers():
            dist.broadcast(buffer, 0)


def gather(values, rank, processes):
    """Returns what all processes have, rank by rank, on the first one; None on the others."""
    if processes == 1:
        return [values]
    gathered = [None] * processes if rank == 0 else None
    dist.gather_object(values, gathered, 0)
    return gathered


def agree(flags, processes):
    """Tells every process what the first one says, flag by flag."""
    if processes == 1:
        return flags
    told = torch.tensor(flags)
    dist.broadcast(told, 0)
    return told.tolist()
