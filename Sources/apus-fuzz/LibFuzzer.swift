import ApusFuzz
import ApusSystem

/// The target that libFuzzer drives: the environment names it, as the arguments are libFuzzer's own.
private let target: FuzzTarget = {
  let name = ProcessIO.environment("APUS_FUZZ_TARGET") ?? ""
  guard let target = FuzzTarget.named(name) else { preconditionFailure("APUS_FUZZ_TARGET names no target: '\(name)'") }
  return target
}()

/// What libFuzzer calls with each input. A rule that is broken ends the process, as a trap does.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  do throws(FuzzFinding) {
    try target.check(input)
  } catch {
    preconditionFailure("\(target.name): \(error)")
  }
  return 0
}
