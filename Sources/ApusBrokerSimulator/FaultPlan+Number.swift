import ApusBase
import ApusSimulator

extension FaultPlan {
  /// A call of the disk that fails, once or twice in a row: which one, and why, follows from a number above zero.
  static func fault(_ number: Int) -> FaultPlan {
    let calls: [DiskCall] = [.flush, .sync, .write, .allocate, .populate, .open, .syncDirectory, .rename, .map, .read]
    let call = calls[number % calls.count]
    // A thin volume says that it is full only when a file is synced.
    let isFull =
      [.allocate, .populate, .write].contains(call) && number % 4 != 0
      || [.flush, .sync].contains(call) && number / 10 == 1
    return FaultPlan(failures: [
      .init(
        call, occurrence: 1 + number % 5, repeats: 1 + number % 2,
        code: isFull ? .full : .failed(ErrorNumber.inputOutput))
    ])
  }
}
