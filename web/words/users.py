"""Words of users and roles."""

WORDS = {
    "title": ("用户", "Users"),
    "name": ("用户名", "User"),
    "roles": ("角色", "Roles"),
    "person": ("对应人员", "Person"),
    "stations": ("管辖厂站(不选为全部)", "Stations (none: all)"),
    "language": ("语言", "Language"),
    "state": ("状态", "State"),
    "active": ("启用", "active"),
    "disabled": ("停用", "disabled"),
    "add": ("添加用户", "Add a user"),
    "edit": ("修改", "Edit"),
    "disable": ("停用", "Disable"),
    "enable": ("启用", "Enable"),
    "reset": ("重置密码", "Reset password"),
    "once": (
        "{name} 的密码: {password} (只显示这一次, 首次登录须修改)",
        "Password of {name}: {password} (shown this once; to be changed at the first sign-in)",
    ),
    "role_administrator": ("管理员", "administrator"),
    "role_dispatcher": ("调度员", "dispatcher"),
    "role_duty": ("值班员", "on duty"),
    "role_safety_manager": ("安全主管", "safety manager"),
    "role_party_officer": ("党建专员", "party officer"),
    "role_viewer": ("查看", "viewer"),
    "needs_role": ("请至少选择一个角色", "Choose at least one role"),
}
