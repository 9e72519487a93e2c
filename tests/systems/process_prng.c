/* Stands in for Windows' bcryptprimitives.dll, from which Rust's standard library takes random numbers and which Wine 8 lacks. */
#include <windows.h>

/* RtlGenRandom, under the name that advapi32.dll has for it. */
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) {
  while (length > 0) {
    ULONG part = length < 65536 ? (ULONG)length : 65536;
    if (!SystemFunction036(data, part)) {
      return FALSE;
    }
    data += part;
    length -= part;
  }
  return TRUE;
}
