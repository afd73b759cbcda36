import Glibc

/// The memory of this process that is no file's, in bytes, as /proc tells it; 0 where there is none.
func residentBytes() -> Int {
  guard let file = unsafe fopen("/proc/self/statm", "r") else { return 0 }
  defer { _ = unsafe fclose(file) }
  var line = [CChar](repeating: 0, count: 128)
  guard unsafe fgets(&line, Int32(line.count), file) != nil else { return 0 }
  let fields = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.split(separator: UInt8(ascii: " "))
  guard fields.count > 2, let resident = Int(String(decoding: fields[1], as: UTF8.self)),
    let shared = Int(String(decoding: fields[2], as: UTF8.self))
  else { return 0 }
  return (resident - shared) * 4096
}
