"""What a run looks like: frames in, `Figure` out. `registry.PLOTS` names the ten; nothing here saves or trains."""
