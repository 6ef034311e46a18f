// Settings, devices, contexts and the texts of errors.
#define _GNU_SOURCE
#include "fake.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Settings fake_settings = {1, 13000, 90, 256L << 20, 0, -1, -1, CUDA_ERROR_ILLEGAL_ADDRESS, 0, 0};
Counts fake_counts;
CUresult fake_lost = CUDA_SUCCESS;

static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static int initialised;
static int retained[16];
static __thread int stack[64], depth;  // devices whose primary contexts are current in this thread

static struct { const char *name; long *value; } settings[] = {
    {"devices", &fake_settings.devices}, {"driver", &fake_settings.driver}, {"capability", &fake_settings.capability},
    {"memory", &fake_settings.memory}, {"init", &fake_settings.init}, {"allocations_left", &fake_settings.allocations_left},
    {"fault_after", &fake_settings.fault_after}, {"fault_code", &fake_settings.fault_code},
    {"eager", &fake_settings.eager}, {"strict", &fake_settings.strict},
};
static struct { const char *name; long *value; } counts[] = {
    {"launches", &fake_counts.launches}, {"replays", &fake_counts.replays}, {"allocations", &fake_counts.allocations},
    {"live", &fake_counts.live}, {"pinned", &fake_counts.pinned}, {"pushes", &fake_counts.pushes},
    {"host_copies", &fake_counts.host_copies},
};

// Both for tests, by ctypes. Settings also come from FAKECUDA="devices=2,memory=1048576".
int fakecuda_set(const char *name, long value) {
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    if (!strcmp(name, settings[i].name)) return *settings[i].value = value, 0;
  return -1;
}

long fakecuda_count(const char *name) {
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    if (!strcmp(name, counts[i].name)) return *counts[i].value;
  return -1;
}

__attribute__((constructor)) static void read_environment(void) {
  const char *text = getenv("FAKECUDA");
  char name[64];
  long value;
  for (int used; text && sscanf(text, "%63[a-z_]=%ld%n", name, &value, &used) == 2; text += used + (text[used] == ',')) {
    if (fakecuda_set(name, value)) fprintf(stderr, "FAKECUDA: there is no setting %s\n", name), abort();
    if (!text[used]) break;
  }
}

void fake_lock(void) { pthread_mutex_lock(&mutex); }
void fake_unlock(void) { pthread_mutex_unlock(&mutex); }

CUresult fake_ready(void) {
  if (!initialised) return CUDA_ERROR_NOT_INITIALIZED;
  if (!depth) return CUDA_ERROR_INVALID_CONTEXT;
  return fake_lost;
}

static CUresult refused(void) { return fake_settings.strict ? fake_lost : CUDA_SUCCESS; }

static int is_device(CUdevice device) { return device >= 0 && device < fake_settings.devices; }

CUresult cuInit(unsigned flags) {
  if (flags) return CUDA_ERROR_INVALID_VALUE;
  if (fake_settings.init) return (CUresult)fake_settings.init;
  if (!fake_settings.devices) return CUDA_ERROR_NO_DEVICE;
  initialised = 1;
  return CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int *version) { return *version = (int)fake_settings.driver, CUDA_SUCCESS; }

CUresult cuDeviceGetCount(int *count) {
  if (!initialised) return CUDA_ERROR_NOT_INITIALIZED;
  return *count = (int)fake_settings.devices, CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  if (!initialised) return CUDA_ERROR_NOT_INITIALIZED;
  if (!is_device(ordinal)) return CUDA_ERROR_INVALID_DEVICE;
  return *device = ordinal, CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  return snprintf(name, length, "Fake GPU %d", device), CUDA_SUCCESS;
}

CUresult cuDeviceGetPCIBusId(char *name, int length, CUdevice device) {
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  return snprintf(name, length, "0000:0%d:00.0", device), CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem(size_t *bytes, CUdevice device) {
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  return *bytes = fake_settings.memory, CUDA_SUCCESS;
}

CUresult cuDeviceComputeCapability(int *major, int *minor, CUdevice device) {
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  *major = (int)fake_settings.capability / 10, *minor = (int)fake_settings.capability % 10;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = (int)fake_settings.capability / 10; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = (int)fake_settings.capability % 10; break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = 4; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *value = 227 << 10; break;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = 1024; break;
    case CU_DEVICE_ATTRIBUTE_CLOCK_RATE: *value = 1000000; break;
    default: *value = 0;
  }
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  if (!initialised) return CUDA_ERROR_NOT_INITIALIZED;
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  retained[device]++;
  return *context = (CUcontext)(intptr_t)(device + 1), CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease(CUdevice device) {
  if (!is_device(device) || !retained[device]) return CUDA_ERROR_INVALID_CONTEXT;
  if (refused()) return refused();
  return retained[device]--, CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent(CUcontext context) {
  int device = (int)(intptr_t)context - 1;
  if (!is_device(device) || depth == 64) return CUDA_ERROR_INVALID_CONTEXT;
  if (refused()) return refused();
  stack[depth++] = device;
  fake_counts.pushes++;
  return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent(CUcontext *context) {
  if (!depth) return CUDA_ERROR_INVALID_CONTEXT;
  if (refused()) return refused();
  *context = (CUcontext)(intptr_t)(stack[--depth] + 1);
  return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice *device) {
  if (!depth) return CUDA_ERROR_INVALID_CONTEXT;
  return *device = stack[depth - 1], CUDA_SUCCESS;
}

CUresult cuCtxSynchronize(void) {
  BEGIN;
  CUresult forbidden = fake_outside_capture();
  if (forbidden) RETURN(forbidden);
  fake_finish_all();
  RETURN(fake_lost);
}

static const struct { CUresult code; const char *text; } texts[] = {
    {CUDA_SUCCESS, "no error"},
    {CUDA_ERROR_INVALID_VALUE, "invalid argument"},
    {CUDA_ERROR_OUT_OF_MEMORY, "out of memory"},
    {CUDA_ERROR_NOT_INITIALIZED, "initialization error"},
    {CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"},
    {CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"},
    {CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"},
    {CUDA_ERROR_INVALID_CONTEXT, "invalid device context"},
    {CUDA_ERROR_NO_BINARY_FOR_GPU, "no kernel image is available for execution on the device"},
    {CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "the provided PTX was compiled with an unsupported toolchain."},
    {CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"},
    {CUDA_ERROR_NOT_FOUND, "named symbol not found"},
    {CUDA_ERROR_NOT_READY, "device not ready"},
    {CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"},
    {CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"},
    {CUDA_ERROR_LAUNCH_TIMEOUT, "the launch timed out and was terminated"},
    {CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned address"},
    {CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"},
    {CUDA_ERROR_NOT_SUPPORTED, "operation not supported"},
    {CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, "system has unsupported display driver / cuda driver combination"},
    {CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing"},
    {CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "operation failed due to a previous error during capture"},
    {CUDA_ERROR_UNKNOWN, "unknown error"},
};

CUresult cuGetErrorString(CUresult code, const char **text) {
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (texts[i].code == code) return *text = texts[i].text, CUDA_SUCCESS;
  return *text = NULL, CUDA_ERROR_INVALID_VALUE;
}
