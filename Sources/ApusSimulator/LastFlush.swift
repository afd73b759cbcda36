import ApusBase

/// What the last flush brought to the device: it can be taken back until the next one comes, as if it had not come yet.
struct LastFlush {
  private struct Sector {
    var file: SimulatedFile
    var number: Int
    /// What the device had there before.
    var before: [UInt8]
  }

  private var sectors: [Sector] = []
  private var time: WallTime?
  private var isTakenBack = false

  /// A flush is about to bring sectors of a file. The calls of one moment are one flush.
  mutating func note(_ dirty: [Int], of file: SimulatedFile, at now: WallTime) {
    if isTakenBack || time != now { end() }
    time = now
    for number in dirty { sectors.append(Sector(file: file, number: number, before: file.durableContent(of: number))) }
  }

  /// The next one comes, which brings what was taken back, too.
  mutating func end() {
    if isTakenBack { for sector in sectors { sector.file.persist([sector.number]) } }
    sectors = []
    isTakenBack = false
  }

  /// The device has nothing of it.
  mutating func takeBack() {
    guard !isTakenBack else { return }
    for sector in sectors { sector.file.setDurable(sector.before, of: sector.number) }
    isTakenBack = true
  }
}
