// writer NAME DEVICE SLOTS PAUSE_US
// Writes numbered records of 4 KiB to DEVICE, one after the other, each on disk before the next begins; record n lies in slot n % SLOTS.
// A record: "ONEREC01", number (8 bytes, little endian), filler made of the number, CRC-32 of all before it in the last 4 bytes.
// So an image taken at one point in time holds, for its highest record m, all of m-SLOTS+1 to m. Goes on where the device ends.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIZE = 4096, BODY = SIZE - 4 };

static uint32_t table[256];

static uint32_t crc32(const unsigned char *data, size_t length) {
  uint32_t value = ~0u;
  while (length--) value = table[(value ^ *data++) & 255] ^ (value >> 8);
  return ~value;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  uint64_t slots = strtoull(argv[3], NULL, 10), next = 0;
  useconds_t pause = (useconds_t)strtoul(argv[4], NULL, 10);
  unsigned char *record;
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0xEDB88320u : value >> 1;
    table[i] = value;
  }
  int device = open(argv[2], O_RDWR | O_DIRECT | O_DSYNC);
  if (device < 0 || posix_memalign((void **)&record, SIZE, SIZE)) return perror(argv[2]), 1;
  for (uint64_t slot = 0; slot < slots; slot++) {
    uint64_t number;
    uint32_t sum;
    if (pread(device, record, SIZE, (off_t)(slot * SIZE)) != SIZE || memcmp(record, "ONEREC01", 8)) continue;
    memcpy(&number, record + 8, 8);
    memcpy(&sum, record + BODY, 4);
    if (sum == crc32(record, BODY) && number >= next) next = number + 1;
  }
  printf("lab: %s from %llu\n", argv[1], (unsigned long long)next);
  fflush(stdout);
  for (;; next++) {
    memcpy(record, "ONEREC01", 8);
    memcpy(record + 8, &next, 8);
    for (int at = 16; at < BODY; at++) record[at] = (unsigned char)(next * 31 + (uint64_t)at * 7);
    uint32_t sum = crc32(record, BODY);
    memcpy(record + BODY, &sum, 4);
    while (pwrite(device, record, SIZE, (off_t)(next % slots * SIZE)) != SIZE) {
      printf("lab: %s failed at %llu\n", argv[1], (unsigned long long)next);
      fflush(stdout);
      sleep(1);
    }
    if (next % 16 == 0) printf("lab: %s wrote %llu\n", argv[1], (unsigned long long)next), fflush(stdout);
    if (pause) usleep(pause);
  }
}
