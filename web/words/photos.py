"""Words of photos that are uploaded."""

WORDS = {
    "add": ("拍照或选图", "Take or choose photos"),
    "again": ("清除", "Remove"),
    "taken": ("{count} 张, {kib} KB", "{count} photos, {kib} KB"),
    "stripped": (
        "照片会缩小并去除位置等信息; JPEG 或 PNG, 每张不超过 20 MB.",
        "Photos are made smaller, place and owner are removed; JPEG or PNG, up to 20 MB each.",
    ),
    "too_large": (
        "不能上传: 只收 JPEG 或 PNG, 每张不超过 20 MB",
        "Not taken: JPEG or PNG, up to 20 MB each",
    ),
    "too_many": ("最多 {most} 张照片", "At most {most} photos"),
    "refused": ("照片不能用: {why}", "That photo cannot be used: {why}"),
    "no_room": (
        "照片存不下 (磁盘满或不可写), 请联系管理员; 也可不带照片上报",
        "The photo cannot be stored: call the administrator, or report without it",
    ),
}
